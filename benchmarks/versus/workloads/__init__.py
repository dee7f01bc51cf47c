"""What is measured: parameters and inputs of every workload, by its name."""

from versus.workloads.families import FAMILIES
from versus.workloads.models import HEADS, LAYERS, MODELS, RESNET_STAGES
from versus.workloads.workload import Made, Workload

__all__ = ["COMPILED", "HEADS", "LAYERS", "RESNET_STAGES", "WORKLOADS", "Made", "Workload"]

WORKLOADS = {w.name: w for w in (*MODELS, *FAMILIES)}
#: The rows of the table of compile times.
COMPILED = ("chain", "softmax", "matmul_1024", "mlp_train", "lenet_train", "resnet18", "gpt2",
            "micro_gpt_train", "gpt2_decode", *(w.name for w in FAMILIES))  # fmt: skip
