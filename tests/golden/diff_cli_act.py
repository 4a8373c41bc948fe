"""dnn_act, by the toolbox's command lines, against torch and Pillow: values of layers, masks and pools, batch
sizes and threads, and what becomes of a run that is stopped, killed or started twice."""
import functools
import json
import os
import signal
import struct
import subprocess
import sys
import time

from golden import *

try:
    import h5py
    import torch
    import torchvision
    from PIL import Image
    from torch.nn import functional as F
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

sys.path.insert(0, os.path.join(os.environ["DNB_SOURCE"], "tests", "cli"))
from fixtures import network, pictures, stim, write

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
close = functools.partial(close, tolerance=1e-4)


def start(line, **env):
    words = line.split()
    return subprocess.Popen([os.path.join(BIN, words[0]), *words[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=dict(os.environ, DNNBRAIN_DATA=os.getcwd(), **env))


def run(line, status=0, **env):
    process = start(line, **env)
    out, err = process.communicate(timeout=600)
    if process.returncode != status:
        raise AssertionError("%s\nexit %d, expected %d\n%s%s" % (line, process.returncode, status, out, err))
    return out, err


def read(path):
    with h5py.File(path) as f:
        expect(all(f[name].dtype == np.float32 for name in f), path + ": float32")
        return {name: f[name][()] for name in f}, json.loads(f.attrs["provenance"])


def same(path, other, what):
    with open(path, "rb") as a, open(other, "rb") as b:
        expect(a.read() == b.read(), what)


def prepared(names, height, width, mean=MEAN, std=STD, scale=1 / 255, bgr=False):
    """The pictures as the network takes them: n x 3 x height x width."""
    out = []
    for name in names:
        pixels = np.asarray(Image.open(os.path.join("img", name)).convert("RGB").resize((width, height), Image.BILINEAR))
        pixels = pixels[:, :, ::-1] if bgr else pixels
        out.append(((pixels * scale - mean) / std).transpose(2, 0, 1))
    return torch.from_numpy(np.stack(out).astype(np.float32))


def small_layers(x, w):
    """Every layer of fixtures.network, as n x chn x row x col."""
    w = {k: torch.from_numpy(v) for k, v in w.items()}
    out = {"conv1": F.conv2d(x, w["w1"], w["b1"], padding=1)}
    out["conv1_relu"] = F.relu(out["conv1"])
    out["pool1"] = F.max_pool2d(out["conv1_relu"], 2)
    out["conv2"] = F.conv2d(out["pool1"], w["w2"], w["b2"], padding=1)
    out["conv2_relu"] = F.relu(out["conv2"])
    out["flat"] = out["conv2_relu"].flatten(1)
    out["fc"] = F.linear(out["flat"], w["w3"], w["b3"])
    return {k: v.reshape(v.shape + (1,) * (4 - v.dim())).numpy() for k, v in out.items()}


POOLS = {"max": lambda x: x.max((2, 3)), "mean": lambda x: x.mean((2, 3)), "median": lambda x: np.median(x, (2, 3)),
         "L1": lambda x: np.abs(x).sum((2, 3)), "L2": lambda x: np.sqrt((x * x).sum((2, 3)))}
ACT = "dnn_act -net net.onnx -stim s.stim.csv -out x.act.h5 "


def test_layers(names, weights):
    truth = small_layers(prepared(names, 16, 16), weights)
    run(ACT)
    out, made = read("x.act.h5")
    expect(set(out) == set(truth), "every layer of the file, by default")
    for layer in truth:
        close(out[layer], truth[layer], layer)
    expect(out["conv1"].min() < 0 <= out["conv1_relu"].min(), "no ReLU leaks into conv1")
    for key in ("program", "command", "net", "input", "weights", "weights_xxh128", "stimuli_xxh128"):
        expect(made.get(key), "provenance: " + key)
    run(ACT + "-layer fc conv1 -chn 3 1")
    out, _ = read("x.act.h5")
    expect(set(out) == {"fc", "conv1"}, "-layer")
    for layer in out:
        close(out[layer], truth[layer][:, [2, 0]], "-chn 3 1 of " + layer)
    write("u.dmask.csv", b"conv1=col,chn,row\n16,1,7\n8,2\n3,3,9,1\nfc=\npool1=row\n8\n")
    run(ACT + "-dmask u.dmask.csv")
    out, _ = read("x.act.h5")
    picked = truth["conv1"][:, [7, 1]][:, :, [2, 2, 8, 0]][:, :, :, [15, 0, 6]]
    expect(set(out) == {"conv1", "fc", "pool1"}, "-dmask: its layers")
    close(out["conv1"], picked, "-dmask: rows and columns, in their order")
    close(out["pool1"], truth["pool1"][:, :, [7]], "-dmask: one row")
    for method, pool in POOLS.items():
        run(ACT + "-layer conv1 fc -pool " + method)
        out, _ = read("x.act.h5")
        for layer in out:
            close(out[layer], pool(truth[layer].astype(np.float64))[:, :, None, None], "-pool %s of %s" % (method, layer))
        run(ACT + "-layer conv1 -dmask u.dmask.csv -pool " + method)
        close(read("x.act.h5")[0]["conv1"], pool(picked.astype(np.float64))[:, :, None, None], "-pool %s of masked units" % method)


def test_preprocessing(names, weights):
    for line, how in [("--channels BGR --range 255 --mean 104 117 123 --std 1 1 1", {"mean": [104, 117, 123], "std": [1, 1, 1], "scale": 1, "bgr": True}),
                      ("--mean 0.5 0.5 0.5 --std 0.25 0.5 1", {"mean": [0.5] * 3, "std": [0.25, 0.5, 1]})]:
        run(ACT + "-layer conv1 " + line)
        close(read("x.act.h5")[0]["conv1"], small_layers(prepared(names, 16, 16, **how), weights)["conv1"], line)
    network("any.onnx", size=20, seed=2)
    x = prepared(names, 20, 20)
    run("dnn_act -net any.onnx -layer conv1 -stim s.stim.csv -out x.act.h5 -size 20 20")
    close(read("x.act.h5")[0]["conv1"], small_layers(x, network("any.onnx", size=20, seed=2))["conv1"], "-size 20 20")


def test_order(names, weights):
    """Rows follow the list, repeats and all; batches, threads and compression change nothing."""
    order = [4, 0, 0, 6, 2, 5, 1, 3, 6]
    stim("s.stim.csv", [names[i] for i in order])
    truth = small_layers(prepared([names[i] for i in order], 16, 16), weights)
    run(ACT + "-layer conv1 fc -batch 1 -threads 1")
    first, _ = read("x.act.h5")
    for layer in first:
        close(first[layer], truth[layer], "order of stimuli: " + layer)
    for options in ["-batch %d" % b for b in (2, 3, 4, 8, 9, 10, 64)] + ["-threads 1", "-threads 2", "-threads 5", "-compress", "-memory 200K"]:
        run(ACT + "-layer conv1 fc " + options)
        out, _ = read("x.act.h5")
        for layer in first:
            expect(np.abs(out[layer] - first[layer]).max() <= 1e-6 * np.abs(first[layer]).max(), "%s: %s is as with -batch 1" % (options, layer))
    with h5py.File("x.act.h5") as f:
        plain = f["conv1"].compression
    run(ACT + "-layer conv1 fc -compress")
    with h5py.File("x.act.h5") as f:
        expect(plain is None and f["conv1"].compression == "gzip", "-compress makes gzip, its absence does not")
    for batch in (1, 7):
        run(ACT + "-layer conv1 conv2_relu fc -threads 1 -batch %d" % batch)
        one, _ = read("x.act.h5")
        run(ACT + "-layer conv1 conv2_relu fc -threads 2 -batch %d" % batch)
        two, _ = read("x.act.h5")
        expect(all(np.array_equal(one[k], two[k]) for k in one), "-batch %d: the same bits with one thread and two" % batch)


def progress(part):
    """Stimuli that a .part file says are complete: the larger of its two records."""
    done = -1
    try:
        with open(part, "rb") as f:
            data = f.read()
    except OSError:
        return done
    at = data.find(b"dnnbrain part 1 ")
    while at >= 0:
        fields = data[at:at + 256].split()
        if len(fields) > 6:
            done = max(done, int(fields[6]))
        at = data.find(b"dnnbrain part 1 ", at + 1)
    return done


def interrupt(line, number, after):
    """Starts the command and signals it when `after` stimuli are complete; its exit status, and what it said.
    None when it was faster than us."""
    process = start(line)
    while process.poll() is None and progress("x.act.h5.part") < after:
        time.sleep(0.001)
    process.send_signal(signal.SIGSTOP)
    finished = process.poll() is not None
    if not finished:
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    return None if finished or process.returncode == 0 else (process.returncode, out, err)


def long_list(names, n):
    stim("s.stim.csv", [names[i % len(names)] for i in range(n)])


def interrupted(names, number, options=""):
    """An interrupted run, the list grown until it is slow enough; returns its status and messages."""
    n = 300
    while True:
        long_list(names, n)
        for path in ("x.act.h5", "x.act.h5.part"):
            if os.path.exists(path):
                os.remove(path)
        ended = interrupt(LONG + options, number, 20)
        if ended:
            return n, ended
        n *= 3


LONG = ACT + "-layer conv1 fc -batch 1 -threads 1 "


def test_resume(names, _weights):
    """A run goes on where it was stopped, and the file is the one an undisturbed run writes."""
    for number, options in [(signal.SIGKILL, ""), (signal.SIGTERM, ""), (signal.SIGINT, ""), (signal.SIGKILL, "-compress")]:
        label = signal.Signals(number).name + options
        n, (status, _, err) = interrupted(names, number, options)
        done = progress("x.act.h5.part")
        expect(status == (-number if number == signal.SIGKILL else 1), "%s: exit %d" % (label, status))
        expect(number == signal.SIGKILL or ("dnnbrain act: " in err and "x.act.h5.part" in err), "%s: says that it can be continued: %r" % (label, err))
        expect(not os.path.exists("x.act.h5") and done >= 20, "%s: no file yet, %d pictures kept" % (label, done))
        out, err = run(LONG + options + " --json")
        resumed = json.loads(out)["resumed_at"]
        expect(resumed >= 20 and "continued an interrupted run after %d " % resumed in err, "%s: continues after %d" % (label, resumed))
        expect(not os.path.exists("x.act.h5.part"), label + ": the part is gone")
        os.rename("x.act.h5", "resumed.act.h5")
        run(LONG + options + " --json")
        same("x.act.h5", "resumed.act.h5", label + ": the same file, byte for byte")


def test_closed_streams(names, _weights):
    """Messages of a run without standard streams must not land in its output."""
    for closed in ("2>&-", ">&-", "0<&- >&- 2>&-"):
        n, _ = interrupted(names, signal.SIGKILL)
        status = subprocess.run("exec %s/%s %s" % (BIN, LONG, closed), shell=True, check=False).returncode
        expect(status == 0 and read("x.act.h5")[0]["fc"].shape[0] == n, "%s: exit %d and the whole file" % (closed, status))


def test_resume_other_job(names, _weights):
    """What is not the same job starts over: other units, another picture under the same name."""
    interrupted(names, signal.SIGKILL)
    out, _ = run(ACT + "-layer conv1 fc -pool max --json")
    expect(json.loads(out)["resumed_at"] == 0, "another job starts over")
    _, (_, _, said) = interrupted(names, signal.SIGKILL, "-precision bf16")
    out, _ = run(LONG + "--json")
    # where there are no instructions for it, the first job was this one
    expect((json.loads(out)["resumed_at"] == 0) != ("no instructions for bf16" in said), "float32 does not continue bf16")
    n, _ = interrupted(names, signal.SIGKILL)
    with open(os.path.join("img", names[0]), "rb") as f:
        before = f.read()
    Image.new("RGB", (30, 20), (250, 10, 90)).save(os.path.join("img", names[0]))
    out, _ = run(LONG + "--json")
    expect(json.loads(out)["resumed_at"] == 0, "a changed picture starts over")
    changed, made = read("x.act.h5")
    write(os.path.join("img", names[0]), before)
    run(LONG)
    back, made_back = read("x.act.h5")
    expect(not np.array_equal(changed["fc"][0], back["fc"][0]) and np.array_equal(changed["fc"][1], back["fc"][1]), "its values are its own")
    expect(made["stimuli_xxh128"] != made_back["stimuli_xxh128"], "the hash of the pictures tells them apart")
    write("x.act.h5.part", b"some other program's file, larger than ours" * 5000)
    run(LONG)
    expect(np.array_equal(read("x.act.h5")[0]["fc"], back["fc"]), "a strange .part file does no harm")


def test_two_at_once(names, _weights):
    long_list(names, 3000)
    first = start(LONG)
    while first.poll() is None and progress("x.act.h5.part") < 1:
        time.sleep(0.001)
    first.send_signal(signal.SIGSTOP)
    _, err = run(LONG, status=1)
    expect("another process is writing" in err and "x.act.h5" in err, "a second run of the same output is refused: " + err)
    first.send_signal(signal.SIGCONT)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    expect(first.returncode in (0, 1), "the first one is unharmed")


def test_failure_keeps_the_old_file(names, _weights):
    """A picture that cannot be read, late in the list: the file of an earlier run is as it was."""
    long_list(names, 5)
    run(ACT + "-layer fc")
    os.rename("x.act.h5", "old.act.h5")
    write("x.act.h5", open("old.act.h5", "rb").read())
    write("img/broken.png", b"\x89PNG\r\n\x1a\n and no more")
    stim("s.stim.csv", names + ["broken.png"])
    _, err = run(ACT + "-layer fc -batch 2", status=1)
    expect("img/broken.png" in err, "names the picture: " + err)
    same("x.act.h5", "old.act.h5", "the earlier file is untouched")
    Image.new("RGB", (5, 5)).save("img/broken.png")
    run(ACT + "-layer fc -batch 2")
    expect(read("x.act.h5")[0]["fc"].shape == (8, 5, 1, 1), "and the run completes once it is mended")


# The toolbox's names of AlexNet's layers and the torchvision modules behind them.
ALEXNET = {"conv1": "features.0", "conv1_relu": "features.1", "conv1_maxpool": "features.2", "conv2": "features.3",
           "conv2_relu": "features.4", "conv2_maxpool": "features.5", "conv3": "features.6", "conv3_relu": "features.7",
           "conv4": "features.8", "conv4_relu": "features.9", "conv5": "features.10", "conv5_relu": "features.11",
           "conv5_maxpool": "features.12", "fc1": "classifier.1", "fc1_relu": "classifier.2", "fc2": "classifier.4",
           "fc2_relu": "classifier.5", "fc3": "classifier.6"}


def alexnet():
    """Random weights of a size that keeps activations alive, where dnn_act looks for them."""
    torch.manual_seed(1)
    model = torchvision.models.alexnet().eval()
    for m in model.modules():
        if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(m.weight)
            torch.nn.init.normal_(m.bias, 0, 0.1)
    os.makedirs("models", exist_ok=True)
    torch.save(model.state_dict(), "models/alexnet.pth")
    return model


def module_outputs(model, x, layers):
    out = {}
    modules = dict(model.named_modules())
    hooks = [modules[ALEXNET[name]].register_forward_hook(lambda _m, _i, y, name=name: out.update({name: y.detach().clone()})) for name in layers]
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()
    return {k: v.reshape(v.shape + (1,) * (4 - v.dim())).numpy() for k, v in out.items()}


def test_alexnet(names, _weights):
    model = alexnet()
    stim("examples.stim.csv", names[:3])
    truth = module_outputs(model, prepared(names[:3], 224, 224), ALEXNET)
    run("dnn_act -net AlexNet -layer conv5 fc3 -chn 1 2 3 -stim examples.stim.csv -out x.act.h5")
    out, made = read("x.act.h5")
    expect(set(out) == {"conv5", "fc3"}, "AlexNet: two layers")
    for layer in out:
        close(out[layer], truth[layer][:, :3], "AlexNet " + layer)
    expect(out["conv5"].min() < 0, "conv5 is before its ReLU")
    expect(made["net"] == "AlexNet" and made["weights"].endswith("models/alexnet.pth"), "provenance of AlexNet")
    run("dnn_act -net AlexNet -layer %s -stim examples.stim.csv -out x.act.h5" % " ".join(ALEXNET))
    out, _ = read("x.act.h5")
    for layer in ALEXNET:
        close(out[layer], truth[layer], "AlexNet " + layer)
    write("f.dmask.csv", b"conv5=chn,row\n1,256,7\n13,1\nfc2_relu=chn\n4096,2\n")
    _, err = run("dnn_act -net AlexNet -dmask f.dmask.csv -stim examples.stim.csv -pool max -cuda -out x.act.h5")
    expect(err.count("warning: ") == 1 and "-cuda" in err, "-cuda without a GPU back end: a warning")
    out, _ = read("x.act.h5")
    close(out["conv5"], truth["conv5"][:, [0, 255, 6]][:, :, [12, 0]].max((2, 3))[:, :, None, None], "AlexNet -dmask -pool max")
    close(out["fc2_relu"], truth["fc2_relu"][:, [4095, 1]], "AlexNet -dmask fc2_relu")
    run("dnn_act -net AlexNet -layer fc3 -stim examples.stim.csv --weights models/alexnet.pth -quiet -out x.act.h5")
    close(read("x.act.h5")[0]["fc3"], truth["fc3"], "AlexNet --weights")
    out, _ = run("db_info AlexNet --json")
    listed = [layer["name"] for layer in json.loads(out)["layers"]]
    expect(listed == list(ALEXNET), "db_info AlexNet: its layers in order")
    run("dnn_view -net AlexNet -layer conv1 -chn 1 2 64 -stim examples.stim.csv -out maps")
    with Image.open("maps/AlexNet_conv1_fig1.jpg") as figure:
        made = json.loads(figure.info["comment"])
        expect(figure.size[0] > 500 and "dnn_view " in made["command"] and made["stimuli_xxh128"], "dnn_view: a figure with its provenance")


def afresh(test):
    ids = pictures(".")
    stim("s.stim.csv", ids)
    test(ids, network("net.onnx"))


with own_folder():
    run_tests(globals(), afresh)
finish()
