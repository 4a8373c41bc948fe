#!/usr/bin/env python3
"""Trains the demo's network and writes it as src/cli/data/demo_net.onnx.

    scripts/train_demo_net.py DNNBRAIN_PROGRAM

Pictures come from `dnnbrain demo -draw` (seed 100 to train, seed 200 to test), so the network sees none
of the demo's own (seed 1). Needs python3-torch, python3-onnx, python3-pil and numpy. Two threads, a few
minutes; the accuracy on the test pictures is printed and kept in the file's doc string.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

TRAIN, TEST, EPOCHS, BATCH = 500, 100, 14, 50
MEAN, STD = 0.5, 0.25


def draw(program, each, seed, folder):
    subprocess.run([program, "demo", "-out", folder, "-draw", str(each), "-seed", str(seed), "-quiet"], check=True)
    rows = open(os.path.join(folder, "demo.stim.csv")).read().split("data=")[1].splitlines()
    columns, rows = rows[0].split(","), [r.split(",") for r in rows[1:] if r]
    ids, labels = columns.index("stimID"), columns.index("label")
    x = np.stack([np.asarray(Image.open(os.path.join(folder, "stimuli", r[ids])).convert("RGB")) for r in rows])
    x = (x.astype(np.float32) / 255 - MEAN) / STD
    y = np.array([int(r[labels]) - 1 for r in rows])
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))), torch.from_numpy(y)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 16, 5, stride=2, padding=2)
        self.conv2 = torch.nn.Conv2d(16, 32, 3, padding=1)
        self.conv3 = torch.nn.Conv2d(32, 48, 3, padding=1)
        self.fc1 = torch.nn.Linear(48 * 4 * 4, 32)
        self.fc2 = torch.nn.Linear(32, 10)

    def forward(self, x):
        for conv in (self.conv1, self.conv2, self.conv3):
            x = torch.max_pool2d(torch.relu(conv(x)), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


def train(net, x, y):
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-4)
    steps = EPOCHS * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    for epoch in range(EPOCHS):
        for index in torch.randperm(len(x)).split(BATCH)[: len(x) // BATCH]:
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x[index]), y[index])
            loss.backward()
            optimiser.step()
            schedule.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}", flush=True)


def export(net, accuracy, path):
    nodes, last = [], "data"

    def add(op, name, inputs, **attributes):
        nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    for k, stride in ((1, 2), (2, 1), (3, 1)):
        conv = getattr(net, f"conv{k}")
        size, pad = conv.kernel_size[0], conv.padding[0]
        last = add("Conv", f"conv{k}", [last, f"conv{k}.weight", f"conv{k}.bias"], kernel_shape=[size, size],
                   strides=[stride, stride], pads=[pad] * 4)
        last = add("Relu", f"conv{k}_relu", [last])
        last = add("MaxPool", f"conv{k}_maxpool", [last], kernel_shape=[2, 2], strides=[2, 2])
    last = add("Flatten", "flat", [last])
    last = add("Gemm", "fc1", [last, "fc1.weight", "fc1.bias"], transB=1)
    last = add("Relu", "fc1_relu", [last])
    last = add("Gemm", "fc2", [last, "fc2.weight", "fc2.bias"], transB=1)
    weights = [numpy_helper.from_array(v.detach().numpy(), n) for n, v in net.named_parameters()]
    graph = helper.make_graph(
        nodes, "demo_net", [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["n", 3, 64, 64])],
        [helper.make_tensor_value_info("fc2", TensorProto.FLOAT, ["n", 10])], weights)
    graph.doc_string = f"dnnbrain's demo network; accuracy {accuracy:.1%} on {10 * TEST} unseen pictures (chance 10%)"
    model = helper.make_model(graph, producer_name="dnnbrain", opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.checker.check_model(model)
    onnx.save(model, path)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.manual_seed(1)
    torch.set_num_threads(2)
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "cli", "data", "demo_net.onnx")
    with tempfile.TemporaryDirectory() as folder:
        x, y = draw(sys.argv[1], TRAIN, 100, os.path.join(folder, "train"))
        tx, ty = draw(sys.argv[1], TEST, 200, os.path.join(folder, "test"))
    net = Net()
    train(net, x, y)
    net.eval()
    with torch.no_grad():
        accuracy = (net(tx).argmax(1) == ty).float().mean().item()
    export(net, accuracy, target)
    print(f"accuracy on {len(ty)} unseen pictures: {accuracy:.3f}; wrote {os.path.normpath(target)}")


if __name__ == "__main__":
    main()
