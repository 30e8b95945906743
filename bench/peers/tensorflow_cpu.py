"""TensorFlow for `npm run bench:compare`.

As its documentation says for speed: the whole step is one tf.function, oneDNN's kernels on, one pool of the
threads asked for and none between operations, fused kernels for batch norm and for the optimizers (raw
operations: what tf.keras's optimizers compute, without their Python and their passes). The function is
compiled by XLA (jit_compile) where that is faster; both ways are tried while warming up.
"""

from protocol import fastest, request, serve

asked = request()

import tensorflow as tf  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(asked["threads"])
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.random.set_seed(0)
chosen = ""


def labels(count):
    return tf.constant([i * 7 % 10 for i in range(count)])


def dense(size, out):
    bound = size**-0.5
    return [tf.Variable(tf.random.uniform(shape, -bound, bound)) for shape in ((size, out), (out,))]


def linear(layer, x):
    return tf.nn.bias_add(tf.matmul(x, layer[0]), layer[1])


def mlp(*sizes):
    return [dense(size, out) for size, out in zip(sizes, sizes[1:])]


def forward(layers, x):
    for layer in layers[:-1]:
        x = tf.nn.relu(linear(layer, x))
    return linear(layers[-1], x)


def entropy(logits, y):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))


def sgd(rate):
    def update(parameters, gradients):
        for p, g in zip(parameters, gradients):
            tf.raw_ops.ResourceApplyGradientDescent(var=p.handle, alpha=rate, delta=g)

    return lambda parameters: update


def zeros_of(parameters):
    return [tf.Variable(tf.zeros_like(p)) for p in parameters]


def adam(rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    def start(parameters):
        ms, vs = zeros_of(parameters), zeros_of(parameters)
        power1, power2 = tf.Variable(beta1), tf.Variable(beta2)

        def update(parameters, gradients):
            for p, g, m, v in zip(parameters, gradients, ms, vs):
                tf.raw_ops.ResourceApplyAdam(
                    var=p.handle,
                    m=m.handle,
                    v=v.handle,
                    beta1_power=power1,
                    beta2_power=power2,
                    lr=rate,
                    beta1=beta1,
                    beta2=beta2,
                    epsilon=epsilon,
                    grad=g,
                )
            power1.assign(power1 * beta1)
            power2.assign(power2 * beta2)

        return update

    return start


def rmsprop(rate=1e-3, alpha=0.99, epsilon=1e-8):
    def start(parameters):
        squares, momenta = zeros_of(parameters), zeros_of(parameters)

        def update(parameters, gradients):
            for p, g, ms, mom in zip(parameters, gradients, squares, momenta):
                tf.raw_ops.ResourceApplyRMSProp(
                    var=p.handle,
                    ms=ms.handle,
                    mom=mom.handle,
                    lr=rate,
                    rho=alpha,
                    momentum=0.0,
                    epsilon=epsilon,
                    grad=g,
                )

        return update

    return start


def faster(make):
    """The step as a graph of TensorFlow's kernels or compiled by XLA; `make` builds a fresh one."""
    global chosen
    chosen, step = fastest({"graph": make(False), "XLA": make(True)})
    return step


def trainer(model, optimizer, x, y, loss, clip=None):
    """`model()` gives its variables, nested; `loss(model, x, y)` the loss."""

    def make(compile_it):
        layers = model()
        parameters = tf.nest.flatten(layers)
        update = optimizer(parameters)

        @tf.function(jit_compile=compile_it)
        def run(x, y):
            with tf.GradientTape() as tape:
                value = loss(layers, x, y)
            gradients = tape.gradient(value, parameters)
            if clip is not None:
                gradients, _ = tf.clip_by_global_norm(gradients, clip)
            update(parameters, gradients)
            return value

        return lambda: run(x, y).numpy()

    return faster(make)


def classify(sizes, optimizer, x, y):
    return trainer(lambda: mlp(*sizes), optimizer, x, y, lambda layers, x, y: entropy(forward(layers, x), y))


def xor_tiny():
    x = tf.constant([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = tf.constant([[0.0], [1.0], [1.0], [0.0]])

    def loss(layers, x, y):
        out = tf.sigmoid(linear(layers[1], tf.tanh(linear(layers[0], x))))
        return tf.reduce_mean(tf.math.squared_difference(out, y))

    return trainer(lambda: mlp(2, 8, 1), sgd(0.5), x, y, loss)


def scales(size):
    return [tf.Variable(tf.ones(size)), tf.Variable(tf.zeros(size))]


def mlp_bn_dropout():
    batch_norm = tf.compat.v1.nn.fused_batch_norm
    statistics = [(tf.Variable(tf.zeros(512)), tf.Variable(tf.ones(512))) for _ in range(2)]

    def model():
        blocks = [dense(size, 512) + scales(512) for size in (784, 512)]
        return [*blocks, dense(512, 10)]

    def loss(layers, x, y):
        for (w, b, gamma, beta), (running_mean, running_variance) in zip(layers[:-1], statistics):
            x = linear((w, b), x)[:, None, None, :]
            x, mean, variance = batch_norm(x, gamma, beta, epsilon=1e-5, is_training=True)
            running_mean.assign_sub(0.1 * (running_mean - mean))
            running_variance.assign_sub(0.1 * (running_variance - variance))
            x = tf.nn.dropout(tf.nn.relu(x[:, 0, 0, :]), 0.5)
        return entropy(linear(layers[-1], x), y)

    return trainer(model, adam(), tf.random.uniform((128, 784)), labels(128), loss)


def layer_norm(x, gamma, beta, epsilon=1e-5):
    mean, variance = tf.nn.moments(x, -1, keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


def mlp_deep():
    def model():
        blocks = [dense(256, 256) + scales(256) for _ in range(20)]
        return [dense(64, 256), blocks, dense(256, 10)]

    def loss(layers, x, y):
        stem, blocks, head = layers
        h = linear(stem, x)
        for w, b, gamma, beta in blocks:
            h = h + tf.tanh(layer_norm(linear((w, b), h), gamma, beta))
        return entropy(linear(head, h), y)

    return trainer(model, rmsprop(), tf.random.normal((64, 64)), labels(64), loss, clip=1.0)


def inference(batch):
    layers, x = mlp(784, 512, 256, 10), tf.random.uniform((batch, 784))

    def make(compile_it):
        run = tf.function(lambda x: forward(layers, x), jit_compile=compile_it)
        return lambda: run(x).numpy()

    return faster(make)


uniform = tf.random.uniform
workloads = {
    "xor_tiny": xor_tiny,
    "mlp_small": lambda: classify((784, 128, 10), sgd(0.1), uniform((32, 784)), labels(32)),
    "mlp_mnist": lambda: classify((784, 512, 256, 10), adam(), uniform((128, 784)), labels(128)),
    "mlp_bn_dropout": mlp_bn_dropout,
    "mlp_deep": mlp_deep,
    "infer_mlp_b1": lambda: inference(1),
    "infer_mlp_b128": lambda: inference(128),
}
serve(asked, "TensorFlow", tf.__version__, workloads, lambda: chosen)
