"""Makes tests/ops/vectors/FAMILY.tar.gz from tests/ops/cases/FAMILY.py:

    tools/python.sh tests/ops/make_vectors.py [FAMILY...]

Each case is a model of one node with its inputs and the outputs that onnxruntime gives for them
(ONNX's reference evaluator where onnxruntime lacks the operator), in the layout of ONNX's own test
folders: NAME/model.onnx, NAME/test_data_set_0/{input,output}_K.pb. The archives are reproducible
and committed; the test `conformance_own` reads them.
"""

import gzip
import importlib.util
import io
import pathlib
import sys
import tarfile

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnx.reference
import onnxruntime

HERE = pathlib.Path(__file__).parent


class Case:
    """One node. `inputs`: arrays, None = left out. `const`: the inputs that are initializers, the
    others are graph inputs. `outputs`: how many, or their names with "" for one left out.
    `oracle`: "ort", "reference" (ONNX's evaluator), or a function of the inputs that gives the
    outputs by numpy, for forms that neither has."""

    def __init__(self, name, op, opset, inputs, outputs=1, const=(), domain="", oracle="ort", **attrs):
        self.name, self.op, self.opset, self.domain = name, op, opset, domain
        self.inputs, self.const, self.attrs, self.oracle = inputs, const, attrs, oracle
        self.outputs = [f"y{k}" for k in range(outputs)] if isinstance(outputs, int) else outputs

    def model(self):
        names = ["" if x is None else f"x{k}" for k, x in enumerate(self.inputs)]
        node = onnx.helper.make_node(self.op, names, self.outputs, domain=self.domain, **self.attrs)
        values, initializers = [], []
        for k, x in enumerate(self.inputs):
            if x is None:
                continue
            if k in self.const:
                initializers.append(onnx.numpy_helper.from_array(x, names[k]))
            else:
                kind = onnx.helper.np_dtype_to_tensor_dtype(x.dtype)
                values.append(onnx.helper.make_tensor_value_info(names[k], kind, x.shape))
        results = [onnx.ValueInfoProto(name=name) for name in self.outputs if name]
        graph = onnx.helper.make_graph([node], self.name, values, results, initializers)
        opsets = [onnx.helper.make_opsetid("", self.opset)]
        if self.domain:
            opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid(self.domain, self.opset)]
        # IR 4 is the first that lets initializers be no inputs; IR 10 is what onnxruntime reads.
        return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def fed(self):
        return [(f"x{k}", x) for k, x in enumerate(self.inputs) if x is not None and k not in self.const]

    def expected(self, model):
        if callable(self.oracle):
            results = self.oracle(*self.inputs)
            return list(results) if isinstance(results, (list, tuple)) else [results]
        if self.oracle == "reference":
            return onnx.reference.ReferenceEvaluator(model).run(None, dict(self.fed()))
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        return session.run(None, dict(self.fed()))


def with_types(model, results):
    """Graph outputs need types in the file; onnxruntime infers them, we write them down."""
    for value, array in zip(model.graph.output, results):
        kind = onnx.helper.np_dtype_to_tensor_dtype(np.asarray(array).dtype)
        value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, kind, np.asarray(array).shape))
    return model


def add(archive, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def add_case(archive, case):
    model = case.model()
    results = case.expected(model)
    add(archive, f"{case.name}/model.onnx", with_types(model, results).SerializeToString())
    folder = f"{case.name}/test_data_set_0"
    for k, (name, x) in enumerate(case.fed()):
        add(archive, f"{folder}/input_{k}.pb", onnx.numpy_helper.from_array(x, name).SerializeToString())
    for k, y in enumerate(results):
        tensor = onnx.numpy_helper.from_array(np.asarray(y), model.graph.output[k].name)
        add(archive, f"{folder}/output_{k}.pb", tensor.SerializeToString())


def make(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for case in module.cases(Case):
            try:
                add_case(archive, case)
            except Exception as error:
                raise SystemExit(f"{path.stem}: {case.name}: {error}")
    out = HERE / "vectors" / f"{path.stem}.tar.gz"
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(gzip.compress(raw.getvalue(), 9, mtime=0))
    print(f"{out.name}: {len(module.cases(Case))} cases, {out.stat().st_size} bytes")


def main():
    families = sys.argv[1:] or sorted(p.stem for p in (HERE / "cases").glob("*.py"))
    for family in families:
        make(HERE / "cases" / f"{family}.py")


if __name__ == "__main__":
    main()
