"""Networks of the experiments, as architectures in the form of `munas cost --help`."""


def layer(op, pre_pool=False, **settings):
    """A layer with batch norm and ReLU."""
    return {"op": op, **settings, "pre_pool": pre_pool, "batch_norm": True, "relu": True}


def separable(first, widths, kernel=3, stride=2, pools=()):
    """A convolution and depthwise separable layers of these widths, then the mean of each channel."""
    layers = [layer("conv", kernel=kernel, filters=first, stride=stride, padding="same")]
    for index, width in enumerate(widths):
        layers.append(layer("depthwise", kernel=3, stride=1, padding="same", pre_pool=index in pools))
        layers.append(layer("pointwise", filters=width))
    return {"blocks": [{"branch": False, "layers": layers}], "pool": {"kind": "global_avg"}, "dense": []}
