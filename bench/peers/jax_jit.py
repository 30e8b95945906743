"""JAX for `npm run bench:compare`.

As its documentation says: the whole step, forward, gradient, clipping and update, is one jitted function
whose state is donated, so that XLA updates it in place; data live on the device before timing; for
inference the weights are constants of the program; a step ends with block_until_ready. NPROC sets the size
of XLA's pool of threads, see bench/compare/peers.mjs. Dropout draws from the unsafe_rbg generator, which
JAX recommends for speed. Asynchronous dispatch, the default, or not: no difference was measured.
"""

from functools import partial

from protocol import request, serve

asked = request()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

jax.config.update("jax_default_prng_impl", "unsafe_rbg")
random = np.random.default_rng(0)


def uniform(*shape):
    return jnp.asarray(random.random(shape, dtype=np.float32))


def normal(*shape):
    return jnp.asarray(random.standard_normal(shape, dtype=np.float32))


def labels(count):
    return jnp.asarray([i * 7 % 10 for i in range(count)])


def dense(size, out):
    bound = size**-0.5
    return {"w": (2 * uniform(size, out) - 1) * bound, "b": (2 * uniform(out) - 1) * bound}


def linear(layer, x):
    return x @ layer["w"] + layer["b"]


def mlp(*sizes):
    return [dense(size, out) for size, out in zip(sizes, sizes[1:])]


def forward(layers, x):
    for layer in layers[:-1]:
        x = jax.nn.relu(linear(layer, x))
    return linear(layers[-1], x)


def entropy(logits, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1).mean()


def sgd(rate):
    def update(parameters, gradients, state):
        return jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), state

    return lambda parameters: (), update


def adam(rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    def start(parameters):
        return [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)] + [jnp.zeros(())]

    def update(parameters, gradients, state):
        m, v, count = state
        count = count + 1
        m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, gradients)
        v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, gradients)
        size, root = rate / (1 - beta1**count), jnp.sqrt(1 - beta2**count)
        new = jax.tree.map(lambda p, m, v: p - size * m / (jnp.sqrt(v) / root + epsilon), parameters, m, v)
        return new, [m, v, count]

    return start, update


def rmsprop(rate=1e-3, alpha=0.99, epsilon=1e-8):
    def update(parameters, gradients, v):
        v = jax.tree.map(lambda v, g: alpha * v + (1 - alpha) * g * g, v, gradients)
        new = jax.tree.map(lambda p, g, v: p - rate * g / (jnp.sqrt(v) + epsilon), parameters, gradients, v)
        return new, v

    return lambda parameters: jax.tree.map(jnp.zeros_like, parameters), update


def clipped(gradients, limit):
    norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(gradients)))
    factor = jnp.minimum(1.0, limit / (norm + 1e-6))
    return jax.tree.map(lambda g: g * factor, gradients)


def trainer(parameters, optimizer, x, y, loss, clip=None, extra=()):
    """`loss(parameters, extra, x, y)` gives the loss and the extra state of the next step."""
    start, update = optimizer

    @partial(jax.jit, donate_argnums=0)
    def run(state, x, y):
        parameters, memory, extra = state
        (value, extra), gradients = jax.value_and_grad(loss, has_aux=True)(parameters, extra, x, y)
        if clip is not None:
            gradients = clipped(gradients, clip)
        parameters, memory = update(parameters, gradients, memory)
        return (parameters, memory, extra), value

    state = (parameters, start(parameters), extra)

    def step():
        nonlocal state
        state, value = run(state, x, y)
        return value.block_until_ready()

    return step


def classify(parameters, optimizer, x, y):
    return trainer(parameters, optimizer, x, y, lambda p, extra, x, y: (entropy(forward(p, x), y), extra))


def xor_tiny():
    x = jnp.asarray([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = jnp.asarray([[0.0], [1.0], [1.0], [0.0]])

    def loss(p, extra, x, y):
        out = jax.nn.sigmoid(linear(p[1], jnp.tanh(linear(p[0], x))))
        return jnp.mean((out - y) ** 2), extra

    return trainer(mlp(2, 8, 1), sgd(0.5), x, y, loss)


def batch_norm(layer, running, x, momentum=0.1, epsilon=1e-5):
    mean, variance = x.mean(0), x.var(0)
    out = (x - mean) * (jax.lax.rsqrt(variance + epsilon) * layer["gamma"]) + layer["beta"]
    unbiased = variance * (len(x) / (len(x) - 1))
    running = {
        "mean": (1 - momentum) * running["mean"] + momentum * mean,
        "variance": (1 - momentum) * running["variance"] + momentum * unbiased,
    }
    return out, running


def mlp_bn_dropout():
    def block(size):
        return {**dense(size, 512), "gamma": jnp.ones(512), "beta": jnp.zeros(512)}

    def loss(p, extra, x, y):
        key, statistics = extra
        key, *draws = jax.random.split(key, 3)
        after = []
        for layer, running, draw in zip(p[:-1], statistics, draws):
            x, running = batch_norm(layer, running, linear(layer, x))
            after.append(running)
            x = jnp.where(jax.random.bernoulli(draw, 0.5, x.shape), 2 * jax.nn.relu(x), 0)
        return entropy(linear(p[-1], x), y), (key, after)

    parameters = [block(784), block(512), dense(512, 10)]
    statistics = [{"mean": jnp.zeros(512), "variance": jnp.ones(512)} for _ in range(2)]
    extra = (jax.random.key(0), statistics)
    return trainer(parameters, adam(), uniform(128, 784), labels(128), loss, extra=extra)


def layer_norm(layer, x, epsilon=1e-5):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + epsilon) * layer["gamma"] + layer["beta"]


def mlp_deep():
    def loss(p, extra, x, y):
        h = linear(p["stem"], x)
        for block in p["blocks"]:
            h = h + jnp.tanh(layer_norm(block, linear(block, h)))
        return entropy(linear(p["head"], h), y), extra

    blocks = [{**dense(256, 256), "gamma": jnp.ones(256), "beta": jnp.zeros(256)} for _ in range(20)]
    parameters = {"stem": dense(64, 256), "blocks": blocks, "head": dense(256, 10)}
    return trainer(parameters, rmsprop(), normal(64, 64), labels(64), loss, clip=1.0)


def inference(batch):
    layers, x = mlp(784, 512, 256, 10), uniform(batch, 784)
    predict = jax.jit(lambda x: forward(layers, x))  # the weights are constants of the program
    return lambda: predict(x).block_until_ready()


workloads = {
    "xor_tiny": xor_tiny,
    "mlp_small": lambda: classify(mlp(784, 128, 10), sgd(0.1), uniform(32, 784), labels(32)),
    "mlp_mnist": lambda: classify(mlp(784, 512, 256, 10), adam(), uniform(128, 784), labels(128)),
    "mlp_bn_dropout": mlp_bn_dropout,
    "mlp_deep": mlp_deep,
    "infer_mlp_b1": lambda: inference(1),
    "infer_mlp_b128": lambda: inference(128),
}
serve(asked, "JAX", jax.__version__, workloads)
