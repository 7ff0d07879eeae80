#!/bin/sh
# Data sets in their formats, data probe|head|convert, models in archives, bundles.
set -eu
weld=$1
root=$2
models=$root/models
. "$root/tests/cli/expect.sh"

says() { # pattern that standard output or error has, after expect
    grep -q -e "$1" "$work/out" "$work/err" || {
        echo "FAIL $name: no word of '$1' in:"
        cat "$work/out" "$work/err"
        failed=1
    }
}

same() { cmp "$1" "$2" || failed=1; }

a=$models/mlp/a.onnx b=$models/mlp/b.onnx grey=$models/grey/eval.npz colour=$models/colour/eval.npz

# ---- probe, head, convert
expect 0 "probe" "$weld" data probe "$models/resnet/a.onnx" --data "$colour" --limit 100
says "use: --preset unit"
expect 0 "head" "$weld" data head "$grey"
says "input uint8 \[1000, 1, 16, 16\]: from 0 to 255"
says "0:100 1:100"
(
    cd "$work"
    "$weld" data convert "$grey" -o x-images-idx3-ubyte.idx --limit 50
    "$weld" data convert x-images-idx3-ubyte.idx -o from_idx.npz
    "$weld" data convert "$grey" -o folder --limit 50 -q
    "$weld" data convert folder -o from_folder.npz
    "$weld" data convert "$grey" -o plain.npz --limit 50
) 2>"$work/err" || { cat "$work/err"; failed=1; }
same "$work/from_idx.npz" "$work/plain.npz"
expect 0 "of idx" "$weld" run "$a" --data "$work/x-images-idx3-ubyte.idx" --preset unit -o "$work/1.npz" -q
expect 0 "of a folder" "$weld" run "$a" --data "$work/folder" --preset unit -o "$work/2.npz" -q
expect 0 "of .npz" "$weld" run "$a" --data "$work/plain.npz" --preset unit -o "$work/3.npz" -q
same "$work/1.npz" "$work/2.npz"
same "$work/1.npz" "$work/3.npz"
got=0
"$weld" run "$a" --data - --preset unit -o "$work/4.npz" -q <"$work/plain.npz" || got=$?
[ "$got" -eq 0 ] || { echo "FAIL standard input"; failed=1; }
same "$work/1.npz" "$work/4.npz"
expect 2 "convert into what is there" "$weld" data convert "$grey" -o "$work/plain.npz"
expect 2 "no such action" "$weld" data prob "$grey"
says "did you mean probe"
expect 2 "probe without labels" "$weld" data probe "$a" --data "$work/from_folder.npz"
says "has no labels"
expect 2 "both" "$weld" data head "$grey" --raw "x=f32:1:$grey"
expect 5 "nothing of a folder" "$weld" data convert "$work/none.npz" -o "$work/no"
[ ! -e "$work/no" ] || { echo "FAIL a folder is left"; failed=1; }
mkdir "$work/empty"
expect 5 "an empty folder" "$weld" data head "$work/empty"

# ---- accuracy that is expected
expect 0 "as expected" "$weld" lmc "$a" "$b" --data "$grey" --preset unit --match weights --expect-acc A=.9,B=.9
expect 1 "not as expected" "$weld" weld "$a" "$b" -o "$work/no.onnx" --data "$grey" --preset none --expect-acc B=.99
says "accuracy of B is .*expected at least 0.99"
[ ! -e "$work/no.onnx" ] || { echo "FAIL written though not as expected"; failed=1; }
expect 2 "expected of what" "$weld" lmc "$a" "$b" --data "$grey" --expect-acc C=.9
expect 2 "expected without data" "$weld" weld "$a" "$b" -o "$work/no.onnx" --expect-acc A=.9
expect 2 "no such key" "$weld" lmc "$a" "$b" --data "$grey" --input input=x
says "it has: input, labels"
expect 2 "no such output" "$weld" lmc "$a" "$b" --data "$grey" --output-name logits
says "it has: output"
expect 2 "no such layout" "$weld" lmc "$a" "$b" --data "$grey" --layout chw

# ---- models in archives
mkdir "$work/zoo"
cp "$a" "$work/zoo/net.onnx"
"$weld" weld "$a" "$a" -o "$work/zoo/outside.onnx" --external always -q
(
    cd "$work"
    gzip -k zoo/net.onnx
    tar czf one.tar.gz zoo/net.onnx
    tar czf two.tar.gz zoo
    tar czf cut.tar.gz zoo/outside.onnx
)
for model in zoo/net.onnx.gz one.tar.gz two.tar.gz#zoo/net.onnx; do
    expect 0 "weld $model" "$weld" weld "$work/$model" "$b" -o "$work/m.onnx" -q -f
    [ ! -e "$work/first.onnx" ] || same "$work/m.onnx" "$work/first.onnx"
    cp "$work/m.onnx" "$work/first.onnx"
done
expect 0 "data outside, in an archive" "$weld" diff "$work/two.tar.gz#zoo/outside.onnx" "$a"
expect 2 "several models" "$weld" inspect "$work/two.tar.gz"
says "has 2 models, name one as .*#MEMBER: "
expect 2 "no such member" "$weld" inspect "$work/one.tar.gz#none.onnx"
says "has no none.onnx; its 1 files: zoo/net.onnx"
expect 5 "data outside are not there" "$weld" inspect "$work/cut.tar.gz"
says "the archive has no zoo/outside.onnx.data"
expect 2 "no archive" "$weld" inspect "$a#x"

# ---- ONNX tests in archives
mkdir -p "$work/net/test_data_set_0"
cp "$a" "$work/net/model.onnx"
expect 0 "inputs" "$weld" data convert "$grey" --limit 50 --preset unit -o "$work/in" -q
expect 0 "outputs" "$weld" run "$a" --data "$work/plain.npz" --preset unit -o "$work/raw.npz" -q
expect 0 "outputs to .pb" "$weld" data convert "$work/raw.npz" -o "$work/want" -q
cp "$work/in/test_data_set_0/input_0.pb" "$work/net/test_data_set_0/input_0.pb"
cp "$work/want/test_data_set_0/input_0.pb" "$work/net/test_data_set_0/output_0.pb"
(cd "$work" && tar czf net.tar.gz net)
expect 0 "a test folder" "$weld" run "$work/net"
expect 0 "a test archive" "$weld" run "$work/net.tar.gz"
says "1 test data sets agree"
cp "$work/want/test_data_set_0/input_0.pb" "$work/in/test_data_set_0/output_0.pb"
cp "$b" "$work/in/model.onnx"
expect 1 "another model" "$weld" run "$work/in"
says "test_data_set_0: .* expected"
expect 2 "nothing to test" "$weld" run "$a"

# ---- other packers: a model, test data, data and a single file
(cd "$work" && tar cf one.tar zoo/net.onnx && tar cf net.tar net && tar cf folder.tar folder)
for packer in xz:xz bz2:bzip2 zst:zstd; do
    end=${packer%:*} program=${packer#*:}
    if ! command -v "$program" >/dev/null; then
        echo "NOT TESTED: .$end, as there is no $program on this machine"
        continue
    fi
    for file in one.tar net.tar folder.tar plain.npz zoo/net.onnx; do
        "$program" -c "$work/$file" >"$work/$file.$end"
    done
    if "$weld" inspect "$work/one.tar.$end" 2>&1 | grep -q "this libarchive can't unpack it"; then
        echo "NOT TESTED: .$end, which the libarchive of this machine can't unpack"
        continue
    fi
    for model in "one.tar.$end" "one.tar.$end#zoo/net.onnx" "zoo/net.onnx.$end"; do
        expect 0 "weld $model" "$weld" weld "$work/$model" "$b" -o "$work/m.onnx" -q -f
        same "$work/m.onnx" "$work/first.onnx"
    done
    expect 0 "a test in .tar.$end" "$weld" run "$work/net.tar.$end"
    says "1 test data sets agree"
    for data in "folder.tar.$end" "plain.npz.$end"; do
        expect 0 "data $data" "$weld" run "$a" --data "$work/$data" --preset unit -o "$work/5.npz" -q -f
        same "$work/1.npz" "$work/5.npz"
    done
    head -c 100 "$work/one.tar.$end" >"$work/short.tar.$end"
    expect 5 "cut .tar.$end" "$weld" inspect "$work/short.tar.$end"
done

# ---- bundles
for kind in zip tar.gz; do
    expect 0 "bundle $kind" "$weld" weld "$a" "$b" --bundle "$work/1.$kind" -q -j 1 --data "$grey" --limit 50 \
        --preset unit
    expect 0 "bundle $kind again" env TZ=Asia/Tokyo "$weld" weld "$a" "$b" --bundle "$work/2.$kind" -q -j 2 \
        --data "$grey" --limit 50 --preset unit
    same "$work/1.$kind" "$work/2.$kind"
    expect 0 "the model of a bundle" "$weld" diff "$work/1.$kind" "$work/2.$kind"
done
python3 - "$work" <<'END' || failed=1
import sys, tarfile, zipfile
work = sys.argv[1]
names = ["merged.onnx", "permutation.json", "report.html", "report.json"]
with zipfile.ZipFile(f"{work}/1.zip") as z, tarfile.open(f"{work}/1.tar.gz") as t:
    assert z.namelist() == names == t.getnames() and z.testzip() is None
    assert all(z.read(n) == t.extractfile(n).read() for n in names)
    assert {m.mtime for m in t} == {315532800}
END
gzip -t "$work/1.tar.gz" || failed=1
expect 0 "names in a bundle" env SOURCE_DATE_EPOCH=1700000000 "$weld" weld "$a" "$b" --bundle "$work/3.tgz" -q \
    --alpha .5,.25 -o "m_{alpha}.onnx" --external always --report r.txt --save-perm p.json
[ "$(tar tzf "$work/3.tgz" | tr '\n' ' ')" = \
    "m_0.25.onnx m_0.25.onnx.data m_0.5.onnx m_0.5.onnx.data p.json r.txt " ] || {
    echo "FAIL names"
    failed=1
}
python3 -c 'import sys, tarfile; assert {m.mtime for m in tarfile.open(sys.argv[1])} == {1700000000}' "$work/3.tgz" ||
    failed=1
expect 0 "three in a bundle" "$weld" weld "$a" "$b" "$a" --bundle "$work/4.zip" -q
expect 0 "an aligned one" "$weld" align "$a" "$b" --bundle "$work/5.zip" -q
expect 2 "what kind" "$weld" weld "$a" "$b" --bundle "$work/6.rar" -q
expect 2 "a folder in a bundle" "$weld" weld "$a" "$b" --bundle "$work/6.zip" -o sub/m.onnx -q
expect 2 "it exists" "$weld" weld "$a" "$b" --bundle "$work/1.zip" -q
expect 5 "nowhere" "$weld" weld "$a" "$b" --bundle "$work/none/1.zip" -q
[ ! -e "$work/6.zip" ] || { echo "FAIL a bundle is left"; failed=1; }

exit $failed
