"""tests/reference/losses.json: losses and their gradients by PyTorch (made with 1.13)."""

import torch
import torch.nn.functional as F

from reference import Numbers, entry, write

numbers = Numbers(1)
cases = []


def add(loss, function, prediction, target, options=None, torch_options=None):
    for reduction in ("mean", "sum", "none"):
        x = prediction.clone().requires_grad_(True)
        y = function(x, target, reduction=reduction, **(torch_options or {}))
        y.sum().backward()
        cases.append({
            "loss": loss, "options": {**(options or {}), "reduction": reduction},
            "prediction": entry(prediction), "target": entry(target), "value": entry(y), "gradient": entry(x.grad),
        })


weights = [0.5, 2.0, 1.25, 0.75]
w = torch.tensor(weights)
logits, labels = numbers.normal(5, 4) * 3, numbers.labels(4, 5)
ignoring = labels.clone()
ignoring[2] = -100
ignoring_one = labels.clone()
ignoring_one[[0, 3]] = 1
soft = torch.softmax(numbers.normal(5, 4), 1).float().double()
image, image_labels = numbers.normal(2, 4, 3), numbers.labels(4, 2, 3)

add("crossEntropy", F.cross_entropy, logits, labels)
add("crossEntropy", F.cross_entropy, logits, labels, {"weight": weights}, {"weight": w})
add("crossEntropy", F.cross_entropy, logits, labels, {"labelSmoothing": 0.25}, {"label_smoothing": 0.25})
add("crossEntropy", F.cross_entropy, logits, ignoring)
add("crossEntropy", F.cross_entropy, logits, ignoring_one, {"ignoreIndex": 1}, {"ignore_index": 1})
add("crossEntropy", F.cross_entropy, logits, ignoring, {"weight": weights, "labelSmoothing": 0.125},
    {"weight": w, "label_smoothing": 0.125})
add("crossEntropy", F.cross_entropy, logits, soft)
add("crossEntropy", F.cross_entropy, logits, soft, {"weight": weights, "labelSmoothing": 0.25},
    {"weight": w, "label_smoothing": 0.25})
add("crossEntropy", F.cross_entropy, image, image_labels, {"weight": weights}, {"weight": w})
add("crossEntropy", F.cross_entropy, logits * 100, labels)
add("crossEntropy", F.cross_entropy, logits[0], labels[0])

log_p = torch.log_softmax(logits, 1).float().double()
image_log_p = torch.log_softmax(image, 1).float().double()
add("nll", F.nll_loss, log_p, labels)
add("nll", F.nll_loss, log_p, ignoring, {"weight": weights}, {"weight": w})
add("nll", F.nll_loss, log_p, ignoring_one, {"ignoreIndex": 1}, {"ignore_index": 1})
add("nll", F.nll_loss, image_log_p, image_labels)

answers, fractions = (numbers.uniform(0, 1, 4, 3) > 0.5).double(), numbers.uniform(0, 1, 4, 3)
scores = numbers.normal(4, 3) * 4
elements, positive = numbers.uniform(0.5, 2, 4, 3), [0.5, 3.0, 1.0]
bce = F.binary_cross_entropy_with_logits
add("binaryCrossEntropyWithLogits", bce, scores, answers)
add("binaryCrossEntropyWithLogits", bce, scores, fractions)
add("binaryCrossEntropyWithLogits", bce, scores * 200, answers)
add("binaryCrossEntropyWithLogits", bce, scores, fractions, {"posWeight": positive}, {"pos_weight": torch.tensor(positive)})
add("binaryCrossEntropyWithLogits", bce, scores, fractions, {"weight": [0.5, 1.0, 2.0], "posWeight": positive},
    {"weight": torch.tensor([0.5, 1.0, 2.0]), "pos_weight": torch.tensor(positive)})
probabilities = numbers.uniform(0.01, 0.99, 4, 3)
certain = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.5]])
add("binaryCrossEntropy", F.binary_cross_entropy, probabilities, fractions)
add("binaryCrossEntropy", F.binary_cross_entropy, probabilities, answers, {"weight": [0.5, 1.0, 2.0]},
    {"weight": torch.tensor([0.5, 1.0, 2.0])})
add("binaryCrossEntropy", F.binary_cross_entropy, certain, torch.tensor([[0.0, 1.0, 1.0, 0.0, 1.0]]))

x, t = numbers.normal(4, 3) * 2, numbers.normal(4, 3)
add("mse", F.mse_loss, x, t)
add("l1", F.l1_loss, x, t)
add("huber", F.huber_loss, x, t)
add("huber", F.huber_loss, x, t, {"delta": 0.5}, {"delta": 0.5})
add("smoothL1", F.smooth_l1_loss, x, t)
add("smoothL1", F.smooth_l1_loss, x, t, {"beta": 0.25}, {"beta": 0.25})
add("smoothL1", F.smooth_l1_loss, x, t, {"beta": 0}, {"beta": 0.0})

p = torch.softmax(numbers.normal(5, 4), 1).float().double()
with_zero = p.clone()
with_zero[1, 2] = 0
add("klDivergence", F.kl_div, log_p, p)
add("klDivergence", F.kl_div, log_p, with_zero)
add("klDivergence", F.kl_div, log_p, p.log().float().double(), {"logTarget": True}, {"log_target": True})
batch_mean = log_p.clone().requires_grad_(True)
value = F.kl_div(batch_mean, p, reduction="batchmean")
value.backward()
cases.append({"loss": "klDivergence", "options": {"reduction": "batchMean"}, "prediction": entry(log_p), "target": entry(p),
              "value": entry(value), "gradient": entry(batch_mean.grad)})


def hinge(power):
    def loss(prediction, target, reduction):
        y = (1 - target * prediction).clamp(min=0) ** power
        return y.mean() if reduction == "mean" else y.sum() if reduction == "sum" else y
    return loss


signs = answers * 2 - 1
add("hinge", hinge(1), x, signs)
add("squaredHinge", hinge(2), x, signs)
add("multiMargin", F.multi_margin_loss, logits, labels)
add("multiMargin", F.multi_margin_loss, logits, labels, {"p": 2, "margin": 0.5}, {"p": 2, "margin": 0.5})

write("losses", cases)
