"""Public vectors of the contract: distillation, embeddings, classification in place of regression."""

from case import Case

Z, Y = [[2, -1, 0.5], [0, 1, -1]], [0, 2]
AUX = {"aux_logits": [[1.5, -0.5, 0.5], [0.5, 1, -1.5]]}
TEACHER = {"teacher_logits": [[3, 0, -1], [1, 0, 2]]}
E, EY = [[1, 0], [0.8, 0.6], [0, 1], [-0.6, 0.8]], [0, 0, 1, 1]
K = [[0.9, 0.1], [0.5, 0.8], [-0.2, 1], [-1, 0.3]]
W = [[1, 0.2], [-0.3, 1]]
MEANS = {"teacher_embeddings": K, "class_means": W}
BALL = {"p_vals": [[0.2, 0.1], [-0.1, 0.3]], "a_vals": W}
ORDER = {"weight": [[0.5, 0.2], [0.5, 0.3]], "bias": [-0.5, 0.8]}
ARC = {"s": 8.0, "margin": 0.3, "margin_type": "arcface"}
HARD = {"mining": "hard", "margin": 1.0}
BINS = {"vmin": -1.5, "vmax": 1.5}

CASES = [
    Case("kd", Z, Y, 0.979052, [-0.155384, -0.066379, 0.221763], extra=TEACHER),
    Case("self_distill", Z, Y, 1.259651, [-0.091261, 0.007903, 0.083358], extra=TEACHER),
    Case("dual_head_kd", Z, Y, 2.376536, [-0.107201, 0.019556, 0.087645], extra=AUX | TEACHER),
    Case("nd_loss", E, EY, 0.069744, [0, -0.049029], extra=MEANS),
    Case("ssld", Z, None, 0.144417, [-0.023802, -0.001185, 0.024987], extra=TEACHER),
    Case("norm_softmax", E, EY, 0.039757, [0, 0.004747], {"s": 4.0}, state={"weight": W}),
    Case("norm_softmax", E, EY, 0.012441, [0, 0.000085], ARC, state={"weight": W}),
    Case("unpg", E, EY, 0.861503, [0, -0.41991], state={"weight": W}),
    Case("hyp_ce", E, EY, 0.029497, [-0.003835, 0.002089], state=BALL),
    Case("hyp_pc", E, None, 2.916343, [0.769985, -0.681458]),
    Case("supcon", E, EY, 0.43019, [0, -0.029785], {"tau": 0.5}),
    Case("infonce", E, None, 0.753374, [0, 0.124576], {"tau": 0.5}, extra={"keys": K}),
    Case("triplet", E, EY, 0.293628, [-0.058191, -0.17898], {"margin": 1.0}),
    Case("triplet", E, EY, 0.478135, [-0.018663, -0.297565], HARD),
    Case("proto_triplet", E, EY, 0.4, [-0.2, 0.1], {"margin": 2.0}),
    Case("icnn", E, EY, 0.45222, [0.051777, -0.232584]),
    Case("multi_similarity", E, EY, 0.159599, [0, -0.053152], {"margin": 0.5}),
    Case("multi_similarity", E, EY, 0.268971, [0, -0.106303], {"mining": False}),
    Case("metrix", E, EY, 0.493378, [0, -0.185398], extra={"lam": 0.5}),
    Case("look", E, EY, 0.348458, [0, -0.086797], {"k": 2, "tau": 0.5}),
    Case("presto", E, [0, 1, 2, 1], 1.112016, [-0.0625, -0.025], state=ORDER),
    Case("hl_gauss", Z, [-0.4, 1.0], 1.802561, [0.189286, -0.217665, 0.028378], BINS),
    Case("two_hot", Z, [-0.4, 1.0], 2.091125, [0.259465, -0.34711, 0.087645], BINS),
]
