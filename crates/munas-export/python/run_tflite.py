"""Runs a .tflite file in TensorFlow Lite for Microcontrollers, with its reference kernels, and writes out tensors.

    run_tflite.py MODEL.tflite tensors INPUTS RESULTS INDEX...
        INPUTS: samples one after the other, the bytes of the first input tensor each.
        RESULTS: for each sample, the bytes of the tensors with these indices.
    run_tflite.py MODEL.tflite outputs INPUTS RESULTS
        The same for the first output, with the arena planned as on a device.
    run_tflite.py MODEL.tflite arena
        Prints the bytes of the arena that hold tensors and the kernels' scratch buffers ("head").

Needs the Python packages tflite_micro and numpy. Without them the exit status is 3.
"""

import sys

try:
    import numpy
    from tflite_micro import runtime
except ImportError:
    sys.exit(3)

ARENA_BYTES = 64 << 20


# The plan of the file, which has no place for tensors that are kept to the end, and a name that is ignored.
PLAN = b"OfflineMemoryAllocation"
NO_PLAN = b"IgnoredMemoryAllocation"


def run(interpreter, inputs_path, results_path, read):
    details = interpreter.get_input_details(0)
    samples = numpy.fromfile(inputs_path, details["dtype"]).reshape(-1, *details["shape"])
    with open(results_path, "wb") as results:
        for sample in samples:
            interpreter.set_input(sample, 0)
            interpreter.invoke()
            results.write(b"".join(tensor.tobytes() for tensor in read()))


def tensors(model, inputs_path, results_path, *indices):
    keep_all = runtime.InterpreterConfig.kPreserveAllTensors
    model = model.replace(PLAN, NO_PLAN)
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES, intrepreter_config=keep_all)
    indices = [int(index) for index in indices]
    read = lambda: [interpreter.GetTensor(index, 0)["tensor_data"] for index in indices]
    run(interpreter, inputs_path, results_path, read)


def outputs(model, inputs_path, results_path):
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
    run(interpreter, inputs_path, results_path, lambda: [interpreter.get_output(0)])


def arena(model):
    # The library writes the allocations to stderr.
    runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES).print_allocations()


def main(path, command, *arguments):
    with open(path, "rb") as file:
        model = file.read()
    {"tensors": tensors, "outputs": outputs, "arena": arena}[command](model, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
