"""train_torch.py FILE: the article's model in PyTorch, on the preferences that bench_train wrote.

FILE: uint32 users, items, factors, batch, epochs; then float32 rate, final rate as a share of it, momentum, decay, mask, loss weight, deviation of
the starting weights; then uint32 counts of known and held-out entries; then for each, uint32 user, uint32 item, float32 preference. Dense mini-batches, hiding and optimizer
included, one thread. Prints: the median milliseconds of an epoch, RMSE of the held-out entries, the version."""
import statistics
import sys
import time

import numpy as np
import torch

torch.set_num_threads(1)
torch.manual_seed(1)
with open(sys.argv[1], "rb") as file:
    users, items, factors, batch, epochs = np.fromfile(file, np.uint32, 5).tolist()
    rate, final, momentum, decay, share, weight, deviation = np.fromfile(file, np.float32, 7).tolist()
    counts = np.fromfile(file, np.uint32, 2).tolist()
    entry = np.dtype([("user", np.uint32), ("item", np.uint32), ("value", np.float32)])
    known, held = (np.fromfile(file, entry, count) for count in counts)
preference = torch.zeros(users, items)
is_known = torch.zeros(users, items)
index = torch.from_numpy(known["user"].astype(np.int64)), torch.from_numpy(known["item"].astype(np.int64))
preference[index] = torch.from_numpy(known["value"].copy())
is_known[index] = 1
encoder = torch.nn.Linear(items, factors, bias=False)
decoder = torch.nn.Linear(factors, items, bias=False)
for layer in encoder, decoder:
    torch.nn.init.normal_(layer.weight, 0, deviation)
parameters = [encoder.weight, decoder.weight]
optimizer = torch.optim.SGD(parameters, lr=rate, momentum=momentum, weight_decay=decay)
times = []
for epoch in range(epochs):
    start = time.thread_time()
    optimizer.param_groups[0]["lr"] = rate * (1 + (final - 1) * epoch / max(epochs - 1, 1))
    order = torch.randperm(users)
    for first in range(0, users, batch):
        chosen = order[first : first + batch]
        target, there = preference[chosen], is_known[chosen]
        hidden = there * (torch.rand_like(there) < share)
        output = decoder(encoder(target * (there - hidden)))
        square = (output - target) ** 2
        loss = weight * (square * hidden).sum() / hidden.sum().clamp(min=1)
        loss = loss + (1 - weight) * (square * there).sum() / there.sum().clamp(min=1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    times.append(1e3 * (time.thread_time() - start))
with torch.no_grad():
    output = decoder(encoder(preference))
    index = torch.from_numpy(held["user"].astype(np.int64)), torch.from_numpy(held["item"].astype(np.int64))
    error = (output[index] - torch.from_numpy(held["value"].copy())).square().mean().sqrt().item()
print(statistics.median(times), error, torch.__version__)
