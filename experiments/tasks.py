"""Networks as they end up on a front, with data, and how the trainings of experiments on them are varied."""

from networks import layer, separable

# Kind of space, dataset, the network, and the largest of such a front, which it may learn from.
DIGITS_TEACHER = separable(24, [48, 72], stride=1, pools=[1])
SERIES_TEACHER = separable(32, [56, 72], kernel=5, pools=[1])
TASKS = {
    "digits 0.5 KB": ("cnn2d", "optdigits", separable(6, [10, 16], stride=1, pools=[1]), DIGITS_TEACHER),
    "digits 2 KB": ("cnn2d", "optdigits", separable(12, [24, 36], stride=1, pools=[1]), DIGITS_TEACHER),
    "series 1 KB": ("cnn1d", "uci-har", separable(8, [12, 20], kernel=5, pools=[1]), SERIES_TEACHER),
    "series 4 KB": ("cnn1d", "uci-har", separable(24, [36, 44], kernel=5, pools=[1]), SERIES_TEACHER),
}
# The best network of an hour's search on MNIST (goals). From so many samples nothing learns from a teacher.
PICTURES = {
    "blocks": [{"branch": False, "layers": [
        layer("depthwise", kernel=5, stride=2, padding="same") | {"relu": False},
        {"op": "conv", "kernel": 3, "filters": 4, "stride": 1, "pre_pool": False, "batch_norm": True, "activation": "relu6"},
        layer("depthwise", kernel=3, stride=1, padding="same") | {"relu": False},
    ]}],
    "pool": {"kind": "avg", "size": 4}, "dense": [],
}
MANY_SAMPLES = {"pictures 0.5 KB": ("cnn2d", "mnist", PICTURES, None)}

# Factor of the epochs; weight and temperature of distillation; share of the epochs that is quantised.
PLAIN = {"longer": 1, "distillation": None, "quantised": 0.0, "teacher": "large"}
BASE_EPOCHS = {"optdigits": 28, "uci-har": 17, "mnist": 18}
# Where an epoch is a part of a pass.
STEPS = {"mnist": 235}
WEIGHT_DECAY = 0.1 / 3000


def keys_of(setting, data, teacher):
    """The keys of an experiment; all else follows the data, as in a search."""
    epochs = setting["longer"] * BASE_EPOCHS[data]
    keys = {"train.epochs": epochs}
    if data in STEPS:
        keys["train.steps_per_epoch"] = STEPS[data]
    # What the recipe takes from the number of steps of a training.
    keys["train.weight_decay"] = WEIGHT_DECAY / setting["longer"]
    if setting["distillation"]:
        alpha, temperature = setting["distillation"]
        keys |= {
            "train.distillation.teacher": str(teacher),
            "train.distillation.alpha": alpha,
            "train.distillation.temperature": temperature,
        }
    if setting["quantised"]:
        keys["train.quantisation.epochs"] = max(1, round(setting["quantised"] * epochs))
    return keys

