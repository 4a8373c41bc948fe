"""LSTM, GRU and RNN with every option, against a plain NumPy rendering of the standard's equations, which is itself
compared with PyTorch where PyTorch has the case."""
from onnxcases import *

try:
    import torch
except ImportError as e:
    print("skipped:", e)
    sys.exit(77)

rng = np.random.default_rng(5)
cases = Cases()

FUNCTIONS = {
    "Sigmoid": lambda x, a, b: 1 / (1 + np.exp(-x)),
    "Tanh": lambda x, a, b: np.tanh(x),
    "Relu": lambda x, a, b: np.maximum(x, 0),
    "Affine": lambda x, a, b: a * x + b,
    "LeakyRelu": lambda x, a, b: np.where(x < 0, a * x, x),
    "ThresholdedRelu": lambda x, a, b: np.where(x >= a, x, 0),
    "ScaledTanh": lambda x, a, b: a * np.tanh(b * x),
    "HardSigmoid": lambda x, a, b: np.clip(a * x + b, 0, 1),
    "Elu": lambda x, a, b: np.where(x < 0, a * (np.exp(x) - 1), x),
    "Softsign": lambda x, a, b: x / (1 + np.abs(x)),
    "Softplus": lambda x, a, b: np.log(1 + np.exp(x)),
}
DEFAULTS = {"LeakyRelu": (0.01, 0), "ThresholdedRelu": (1, 0), "HardSigmoid": (0.2, 0.5), "Elu": (1, 0)}
TAKES_ALPHA = {"Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu"}
TAKES_BETA = {"Affine", "ScaledTanh", "HardSigmoid"}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
DEFAULT_NAMES = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


def activations(op, directions, attrs):
    names = attrs.get("activations", DEFAULT_NAMES[op] * directions)
    alpha, beta = list(attrs.get("activation_alpha", [])), list(attrs.get("activation_beta", []))
    clip, made = attrs.get("clip", np.inf), []
    for name in names:
        a, b = DEFAULTS.get(name, (0, 0))
        if name in TAKES_ALPHA and alpha:
            a = alpha.pop(0)
        if name in TAKES_BETA and beta:
            b = beta.pop(0)
        made.append(lambda x, f=FUNCTIONS[name], a=a, b=b: f(np.clip(x, -clip, clip), a, b))
    each = len(names) // directions
    return [made[i * each:(i + 1) * each] for i in range(directions)]


def one_sequence(op, x, W, R, Wb, Rb, P, h, c, act, attrs):
    """x: steps x inputs. All hidden states, then the last h and c."""
    n, out = R.shape[1], []
    for row in x:
        if op == "RNN":
            h = act[0](W @ row + R @ h + Wb + Rb)
        elif op == "GRU":
            (wz, wr, wh), (rz, rr, rh) = np.split(W @ row + Wb, 3), np.split(R, 3)
            bz, br, bh = np.split(Rb, 3)
            z, r = act[0](wz + rz @ h + bz), act[0](wr + rr @ h + br)
            inner = r * (rh @ h + bh) if attrs.get("linear_before_reset") else rh @ (r * h) + bh
            h = (1 - z) * act[1](wh + inner) + z * h
        else:
            i, o, f, g = np.split(W @ row + R @ h + Wb + Rb, 4)
            pi, po, pf = np.split(P, 3)
            i = act[0](i + pi * c)
            f = 1 - i if attrs.get("input_forget") else act[0](f + pf * c)
            c = f * c + i * act[1](g)
            h = act[0](o + po * c) * act[2](c)
        out.append(h)
    return np.array(out).reshape(len(x), n), h, c


def reference(op, X, W, R, B, lens, H, C, P, attrs):
    """Y (steps x directions x batch x hidden), Y_h, Y_c; X is steps x batch x inputs."""
    steps, batch, _ = X.shape
    D, n = W.shape[0], R.shape[2]
    B = np.zeros((D, 2 * GATES[op] * n)) if B is None else B
    H, C = (np.zeros((D, batch, n)) if a is None else a for a in (H, C))
    P = np.zeros((D, 3 * n)) if P is None else P
    lens = [steps] * batch if lens is None else lens
    act = activations(op, D, attrs)
    Y, Yh, Yc = np.zeros((steps, D, batch, n)), np.zeros((D, batch, n)), np.zeros((D, batch, n))
    for d in range(D):
        backwards = d == 1 or attrs.get("direction") == "reverse"
        Wb, Rb = np.split(B[d], 2)
        for b in range(batch):
            x = X[:lens[b], b]
            y, Yh[d, b], Yc[d, b] = one_sequence(op, x[::-1] if backwards else x, W[d], R[d], Wb, Rb, P[d], H[d, b],
                                                 C[d, b], act[d], attrs)
            Y[:lens[b], d, b] = y[::-1] if backwards else y
    return Y, Yh, Yc


def case(op, steps, batch, inputs, hidden, with_b=True, with_len=False, with_state=True, with_p=False, skip=(),
         dtype=np.float32, opset=14, **attrs):
    D, G = 2 if attrs.get("direction") == "bidirectional" else 1, GATES[op]
    draw = lambda *shape: rng.standard_normal(shape).astype(dtype)
    X, W, R = draw(steps, batch, inputs), draw(D, G * hidden, inputs) * dtype(0.5), draw(D, G * hidden, hidden) * dtype(0.5)
    B = draw(D, 2 * G * hidden) if with_b else None
    lens = rng.integers(0, steps + 1, batch).astype(np.int32) if with_len else None
    H = draw(D, batch, hidden) if with_state else None
    C = draw(D, batch, hidden) if with_state and op == "LSTM" else None
    P = draw(D, 3 * hidden) if with_p else None
    wide = [None if a is None else a.astype(np.float64) for a in (X, W, R, B)]
    rest = [None if a is None else a.astype(np.float64) for a in (H, C, P)]
    Y, Yh, Yc = reference(op, *wide, lens, *rest, attrs)
    if attrs.get("layout"):
        X, Y = X.transpose(1, 0, 2), Y.transpose(2, 0, 1, 3)
        H, C = (None if a is None else a.transpose(1, 0, 2) for a in (H, C))
        Yh, Yc = Yh.transpose(1, 0, 2), Yc.transpose(1, 0, 2)
    outs = [Y, Yh] + ([Yc] if op == "LSTM" else [])
    outs = [None if i in skip else a.astype(dtype) for i, a in enumerate(outs)]
    ins = [X, W, R, B, lens, H] + ([C, P] if op == "LSTM" else [])
    while ins[-1] is None:
        ins.pop()
    while outs[-1] is None:
        outs.pop()
    cases.add(op, ins, outs, opset=opset, hidden_size=hidden, **attrs)


def check_against_torch(op):
    """The NumPy rendering against torch.nn, both directions, and so the gates' order."""
    order = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 3, 1, 2]}[op]  # torch's block for each of ONNX's
    net = getattr(torch.nn, op)(5, 4, bidirectional=True).double()
    block = lambda w: torch.cat([torch.chunk(w, GATES[op])[i] for i in order]).detach().numpy()
    get = lambda kind: np.stack([block(getattr(net, f"{kind}_l0{s}")) for s in ("", "_reverse")])
    X = rng.standard_normal((6, 3, 5))
    B = np.concatenate([get("bias_ih"), get("bias_hh")], 1)
    attrs = {"direction": "bidirectional", "linear_before_reset": 1}
    Y, Yh, Yc = reference(op, X, get("weight_ih"), get("weight_hh"), B, None, None, None, None, attrs)
    y, last = net(torch.from_numpy(X))
    h, c = last if op == "LSTM" else (last, None)
    error = np.abs(Y - y.detach().numpy().reshape(6, 3, 2, 4).transpose(0, 2, 1, 3)).max()
    error = max(error, np.abs(Yh - h.detach().numpy()).max())
    if c is not None:
        error = max(error, np.abs(Yc - c.detach().numpy()).max())
    print(f"{op}: NumPy against torch: {error:.2g}")
    if not error < 1e-12:
        sys.exit(1)


for op in GATES:
    check_against_torch(op)
    for direction in ("forward", "reverse", "bidirectional"):
        for layout in (0, 1):
            for lens in (False, True):
                case(op, 5, 4, 3, 6, with_len=lens, direction=direction, layout=layout)
    case(op, 4, 2, 3, 5, with_b=False, with_state=False)
    case(op, 4, 2, 3, 5, skip=(0,))
    case(op, 4, 2, 3, 5, skip=(1, 2))
    case(op, 4, 2, 3, 5, clip=0.3)
    case(op, 3, 2, 130, 67, direction="bidirectional")
    case(op, 3, 2, 4, 5, dtype=np.float64)
    case(op, 4, 2, 3, 5, opset=7, direction="bidirectional")
    for name in FUNCTIONS:
        n = len(DEFAULT_NAMES[op])
        if name in ("Affine", "ScaledTanh"):  # no defaults: a value for each
            extra = dict(activation_alpha=[0.7] * 2 * n, activation_beta=[0.4] * 2 * n)
        else:
            extra = {}
        case(op, 3, 2, 3, 4, direction="bidirectional", activations=[name] * 2 * n, clip=5.0, **extra)
    # alpha and beta go to those that take them, in order
    mixed = (["LeakyRelu", "Tanh", "HardSigmoid"] * 2)[:n]
    takes_alpha, takes_beta = ([x for x in mixed if x in takers] for takers in (TAKES_ALPHA, TAKES_BETA))
    extra = dict(activation_alpha=list(np.linspace(0.1, 0.3, len(takes_alpha))))
    if takes_beta:
        extra["activation_beta"] = list(np.linspace(0.4, 0.6, len(takes_beta)))
    case(op, 3, 2, 3, 4, activations=mixed, **extra)

for direction in ("forward", "bidirectional"):
    case("LSTM", 5, 3, 4, 6, with_p=True, with_len=True, direction=direction)
    case("LSTM", 5, 3, 4, 6, with_p=True, input_forget=1, direction=direction)
    case("GRU", 5, 3, 4, 6, linear_before_reset=1, with_len=True, direction=direction)
    case("GRU", 5, 3, 4, 6, linear_before_reset=1, layout=1, with_b=False, direction=direction)

cases.finish()
