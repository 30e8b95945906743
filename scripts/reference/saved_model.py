"""tests/reference/saved-model.safetensors and .json: a model trained a little and saved by PyTorch, with
what it gives for some inputs. Needs the packages torch and safetensors (made with 1.13 and 0.8).

(Not named safetensors.py: that would hide the package.)
"""

import torch
from safetensors.torch import save_file
from torch import nn

from reference import FOLDER, Numbers, entry, write

numbers = Numbers(7)
torch.manual_seed(7)
model = nn.Sequential(
    nn.Linear(8, 12),
    nn.BatchNorm1d(12),
    nn.ReLU(),
    nn.Dropout(0.25),
    nn.Linear(12, 6),
    nn.LayerNorm(6),
    nn.Tanh(),
    nn.Linear(6, 3),
).float()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
for _ in range(25):
    x = numbers.normal(16, 8).float()
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), x[:, :3].argmax(1)).backward()
    optimizer.step()

model.eval()
x = numbers.normal(10, 8).float()
with torch.no_grad():
    y = model(x)
save_file(model.state_dict(), str(FOLDER / "saved-model.safetensors"), {"format": "pt"})
write("saved-model", [{"x": entry(x), "y": entry(y)}])
