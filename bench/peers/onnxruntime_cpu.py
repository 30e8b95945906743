"""ONNX Runtime for `npm run bench:compare`: inference only, through its Python interface.

As its performance documentation says: all graph optimizations, sequential execution with one pool of the
threads asked for, which spins between runs, input and output bound to memory once (IO binding) instead of
being copied for every run. The model is written by onnx's helpers, with weights as initializers, so that
they are packed when the session is made; Gemm takes the bias and is fused with the ReLU that follows.
"""

from protocol import request, serve

asked = request()

import numpy as np  # noqa: E402
import onnxruntime as ort  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

random = np.random.default_rng(0)


def floats(*shape):
    return random.random(shape, dtype=np.float32) - np.float32(0.5)


def session(nodes, weights, inputs, outputs):
    """Shapes of the one input and the one output, the nodes between `x` and `y`."""
    describe = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "forward",
        [describe("x", TensorProto.FLOAT, inputs)],
        [describe("y", TensorProto.FLOAT, outputs)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = asked["threads"]
    options.inter_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def bound(run, inputs, outputs):
    binding = run.io_binding()
    binding.bind_ortvalue_input("x", ort.OrtValue.ortvalue_from_numpy(floats(*inputs)))
    binding.bind_ortvalue_output("y", ort.OrtValue.ortvalue_from_numpy(floats(*outputs)))
    return lambda: run.run_with_iobinding(binding)


def mlp(batch, *sizes):
    nodes, weights, x = [], {}, "x"
    last = len(sizes) - 2
    for i, (size, out) in enumerate(zip(sizes, sizes[1:])):
        weights[f"w{i}"], weights[f"b{i}"] = floats(size, out), floats(out)
        linear = "y" if i == last else f"linear{i}"
        nodes.append(helper.make_node("Gemm", [x, f"w{i}", f"b{i}"], [linear]))
        if i < last:
            nodes.append(helper.make_node("Relu", [linear], [f"relu{i}"]))
        x = f"relu{i}"
    inputs, outputs = (batch, sizes[0]), (batch, sizes[-1])
    return bound(session(nodes, weights, inputs, outputs), inputs, outputs)


workloads = {
    "infer_mlp_b1": lambda: mlp(1, 784, 512, 256, 10),
    "infer_mlp_b128": lambda: mlp(128, 784, 512, 256, 10),
}
serve(asked, "ONNX Runtime", ort.__version__, workloads)
