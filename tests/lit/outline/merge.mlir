// RUN: axec opt %s --pass fuse --pass outline | filecheck %s
// Equal kernels are one definition, whatever their dims are called.

// CHECK: "kernel.define"() ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["d0", 8]}
// CHECK-NEXT: %2 = "axe.max"(%arg0, %1)
// CHECK-NEXT: %3 = "axe.exp"(%2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {bytes = "64*d0", dims = ["d0"], flops = "16*d0", sym_name = "map_max_exp_0", template = "map", units = "floordiv(d0 + 127, 128)", workspace = []}
// CHECK-NEXT: "kernel.define"() ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["d0", 8]}
// CHECK-NEXT: %2 = "axe.max"(%arg0, %1)
// CHECK-NEXT: %3 = "axe.exp"(%2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {bytes = "64*d0", dims = ["d0"], flops = "16*d0", sym_name = "map_max_exp_1", template = "map", units = "floordiv(d0 + 127, 128)", workspace = []}
// CHECK-NEXT: "kernel.define"() ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4, 8]}
// CHECK-NEXT: %2 = "axe.max"(%arg0, %1)
// CHECK-NEXT: %3 = "axe.exp"(%2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {bytes = "256", dims = [], flops = "64", sym_name = "map_max_exp_2", template = "map", units = "1", workspace = []}
// CHECK-LABEL: func.func @first(
// CHECK-NEXT: %0 = "kernel.call"(%arg0) {callee = @map_max_exp_0, dims = ["n"]}
// CHECK-NEXT: %1 = "axe.reshape"(%0) {shape = ["8*n"]}
// CHECK-NEXT: return %1
// CHECK-LABEL: func.func @second(
// CHECK-NEXT: %0 = "kernel.call"(%arg0) {callee = @map_max_exp_0, dims = ["batch"]}
// CHECK-NEXT: return %0
// CHECK-LABEL: func.func @third(
// CHECK-NEXT: %0 = "kernel.call"(%arg0) {callee = @map_max_exp_1, dims = ["n"]}
// CHECK-NEXT: return %0
// CHECK-LABEL: func.func @fourth(
// CHECK-NEXT: %0 = "kernel.call"(%arg0) {callee = @map_max_exp_2, dims = []}
// CHECK-NEXT: return %0

// Its kernel ...
func.func @first(%arg0: tensor<?x8xf32, ["n"]>) -> tensor<?xf32, ["8*n"]> {
  %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n", 8]} : (tensor<f32>) -> tensor<?x8xf32, ["n"]>
  %2 = "axe.max"(%arg0, %1) : (tensor<?x8xf32, ["n"]>, tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %3 = "axe.exp"(%2) : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %4 = "axe.reshape"(%3) {shape = ["8*n"]} : (tensor<?x8xf32, ["n"]>) -> tensor<?xf32, ["8*n"]>
  return %4 : tensor<?xf32, ["8*n"]>
}

// ... is this one's, too: `batch` is d0 as `n` was.
func.func @second(%arg0: tensor<?x8xf32, ["batch"]>) -> tensor<?x8xf32, ["batch"]> {
  %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["batch", 8]} : (tensor<f32>) -> tensor<?x8xf32, ["batch"]>
  %2 = "axe.max"(%arg0, %1) : (tensor<?x8xf32, ["batch"]>, tensor<?x8xf32, ["batch"]>) -> tensor<?x8xf32, ["batch"]>
  %3 = "axe.exp"(%2) : (tensor<?x8xf32, ["batch"]>) -> tensor<?x8xf32, ["batch"]>
  return %3 : tensor<?x8xf32, ["batch"]>
}

// Near miss: another constant.
func.func @third(%arg0: tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]> {
  %0 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n", 8]} : (tensor<f32>) -> tensor<?x8xf32, ["n"]>
  %2 = "axe.max"(%arg0, %1) : (tensor<?x8xf32, ["n"]>, tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %3 = "axe.exp"(%2) : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  return %3 : tensor<?x8xf32, ["n"]>
}

// Near miss: a size that is known.
func.func @fourth(%arg0: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4, 8]} : (tensor<f32>) -> tensor<4x8xf32>
  %2 = "axe.max"(%arg0, %1) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = "axe.exp"(%2) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %3 : tensor<4x8xf32>
}
