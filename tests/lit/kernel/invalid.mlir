// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s
// What the verifiers of the kernel and exec dialects refuse, with line and column.

// CHECK: error[ir-invalid]: 'kernel.fused' op has no template 'nap'; there are map, row, reduce, gemm, attention, matrix
// CHECK-NEXT: invalid.mlir:[[# @LINE + 2]]:8
func.func @template(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "kernel.fused"(%x) ({
  ^bb0(%a: tensor<4xf32>):
    "kernel.yield"(%a) : (tensor<4xf32>) -> ()
  }) {template = "nap"} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// CHECK: error[ir-invalid]: 'kernel.fused' op needs the attribute 'template'
func.func @attribute(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "kernel.fused"(%x) ({
  ^bb0(%a: tensor<4xf32>):
    "kernel.yield"(%a) : (tensor<4xf32>) -> ()
  }) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// CHECK: error[ir-invalid]: 'kernel.fused' op block arguments must have the types of the operands
func.func @arguments(%x: tensor<4xf32>) -> tensor<5xf32> {
  %0 = "kernel.fused"(%x) ({
  ^bb0(%a: tensor<5xf32>):
    "kernel.yield"(%a) : (tensor<5xf32>) -> ()
  }) {template = "map"} : (tensor<4xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// -----

// CHECK: error[ir-invalid]: 'kernel.fused' op kernel.yield must have the types of the results
func.func @results(%x: tensor<4xf32>) -> tensor<5xf32> {
  %0 = "kernel.fused"(%x) ({
  ^bb0(%a: tensor<4xf32>):
    "kernel.yield"(%a) : (tensor<4xf32>) -> ()
  }) {template = "map"} : (tensor<4xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// -----

// CHECK: error[ir-invalid]: 'kernel.fused' op kernel.yield reads a value from outside of the body
func.func @outside(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "kernel.fused"() ({
    "kernel.yield"(%x) : (tensor<4xf32>) -> ()
  }) {template = "map"} : () -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// CHECK: error[ir-invalid]: 'kernel.call' op calls @nobody, which no kernel.define has as its name
func.func @callee(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "kernel.call"(%x) {callee = @nobody, dims = []} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

"kernel.define"() ({
^bb0(%a: tensor<?xf32, ["d0"]>):
  %0 = "axe.exp"(%a) : (tensor<?xf32, ["d0"]>) -> tensor<?xf32, ["d0"]>
  "kernel.yield"(%0) : (tensor<?xf32, ["d0"]>) -> ()
}) {dims = ["d0"], sym_name = "k", template = "map", units = "1", workspace = []} : () -> ()

// CHECK: error[ir-invalid]: 'kernel.call' op operands must be [f32[5]], are [f32[4]]
func.func @signature(%x: tensor<4xf32>) -> tensor<5xf32> {
  %0 = "kernel.call"(%x) {callee = @k, dims = ["5"]} : (tensor<4xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// -----

// CHECK: error[ir-invalid]: 'exec.program' op needs one role per block argument
"exec.program"() ({
^bb0(%a: !exec.buffer<tensor<4xf32>>):
  "exec.return"() : () -> ()
}) {sym_name = "p", roles = [], dims = {}, arena_bytes = "0"} : () -> ()

// -----

// CHECK: error[ir-invalid]: 'exec.view' op views f32[4] as f32[5], which has not as many bytes
"exec.program"() ({
^bb0(%a: !exec.buffer<tensor<4xf32>>):
  %0 = "exec.view"(%a) : (!exec.buffer<tensor<4xf32>>) -> !exec.buffer<tensor<5xf32>>
  "exec.return"() : () -> ()
}) {sym_name = "p", roles = ["input:a"], dims = {}, arena_bytes = "0"} : () -> ()

// -----

// CHECK: error[ir-invalid]: there is no op 'kernel.fuse'
func.func @unknown() {
  "kernel.fuse"() : () -> ()
  return
}

// -----

// CHECK: error[ir-invalid]: 'exec.group' op launch 0 writes what launch 1 of the same group uses
// CHECK-NEXT: invalid.mlir:[[# @LINE + 9]]:3
"kernel.define"() ({
^bb0(%a: tensor<4xf32>):
  "kernel.yield"(%a) : (tensor<4xf32>) -> ()
}) {sym_name = "k", template = "map", dims = [], units = "1", workspace = []} : () -> ()
"exec.program"() ({
^bb0(%x: !exec.buffer<tensor<4xf32>>, %y: !exec.buffer<tensor<4xf32>>):
  %t = "exec.slice"() {offset = "0"} : () -> !exec.buffer<tensor<4xf32>>
  %u = "exec.slice"() {offset = "8"} : () -> !exec.buffer<tensor<4xf32>>
  "exec.group"() ({
    "exec.launch"(%x, %t) {callee = @k, dims = [], units = "1", grain = 1} : (!exec.buffer<tensor<4xf32>>, !exec.buffer<tensor<4xf32>>) -> ()
    "exec.launch"(%u, %y) {callee = @k, dims = [], units = "1", grain = 1} : (!exec.buffer<tensor<4xf32>>, !exec.buffer<tensor<4xf32>>) -> ()
    "exec.yield"() : () -> ()
  }) : () -> ()
  "exec.return"() : () -> ()
}) {sym_name = "main", roles = ["input:x", "output:y"], dims = {}, arena_bytes = "24"} : () -> ()

// -----

// CHECK: error[ir-invalid]: 'exec.group' op holds launches, two at least, and nothing else
"exec.program"() ({
  "exec.group"() ({
    "exec.yield"() : () -> ()
  }) : () -> ()
  "exec.return"() : () -> ()
}) {sym_name = "main", roles = [], dims = {}, arena_bytes = "0"} : () -> ()
