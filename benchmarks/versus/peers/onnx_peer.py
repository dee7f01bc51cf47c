"""ONNX Runtime and OpenVINO: models that torch exports."""

from __future__ import annotations

from typing import Any

from versus.peers.base import Peer


def export(peer: Peer) -> None:
    """Write `model.onnx` into the peer's folder: the users' step between torch and these."""
    path = str(peer.folder / "model.onnx")
    if peer.workload.dtype == "int8":
        _integer_product(path, peer.inputs())
        return
    import torch

    from versus.models import function
    from versus.models.torch_models import Model

    params, inputs = peer.made()
    tensors = {name: torch.from_numpy(value) for name, value in params.items()}
    model = Model(function("torch", peer.workload), tensors, False).eval()
    given = tuple(torch.from_numpy(x) for x in inputs)
    torch.onnx.export(model, given, path, dynamo=True, external_data=True, verbose=False)


def _integer_product(path: str, inputs: list[Any]) -> None:
    """int8 products with int32 results are one op there, for which torch has no export."""
    import onnx
    from onnx import TensorProto, helper

    names = [f"x{i}" for i in range(2)]
    node = helper.make_node("MatMulInteger", names, ["y"])
    given = [
        helper.make_tensor_value_info(n, TensorProto.INT8, x.shape)
        for n, x in zip(names, inputs, strict=True)
    ]
    shape = [inputs[0].shape[0], inputs[1].shape[1]]
    result = helper.make_tensor_value_info("y", TensorProto.INT32, shape)
    graph = helper.make_graph([node], "product", given, [result])
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)


class OnnxRuntime(Peer):
    def build(self) -> None:
        export(self)

    def prepare(self) -> None:
        import onnxruntime

        onnxruntime.set_default_logger_severity(3)

    def compile(self) -> None:
        self._open()

    def _open(self) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        path, providers = str(self.folder / "model.onnx"), ["CPUExecutionProvider"]
        self.session = ort.InferenceSession(path, options, providers=providers)

    def load(self) -> None:
        self.prepare()
        self._open()
        names = [i.name for i in self.session.get_inputs()]
        self.feed = dict(zip(names, self.inputs(), strict=True))

    def call(self) -> Any:
        return self.session.run(None, self.feed)


class OpenVino(Peer):
    def prepare(self) -> None:
        import openvino

        self.core = openvino.Core()
        precision = "bf16" if self.workload.dtype == "bf16" else "f32"
        self.options = {
            "INFERENCE_NUM_THREADS": self.threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": precision,
        }

    def compile(self) -> None:
        path = str(self.folder / "model.onnx")
        self.compiled = self.core.compile_model(path, "CPU", self.options)

    def build(self) -> None:
        export(self)

    def load(self) -> None:
        import openvino

        self.prepare()
        self.compile()
        self.request = self.compiled.create_infer_request()
        self.given = self.inputs()  # their memory is read by every call
        for i, x in enumerate(self.given):
            self.request.set_input_tensor(i, openvino.Tensor(x, shared_memory=True))

    def call(self) -> Any:
        self.request.infer()
        return [self.request.get_output_tensor(i).data for i in range(len(self.compiled.outputs))]
