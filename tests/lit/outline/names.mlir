// RUN: axec opt %s --pass decompose --pass simplify --pass fuse --pass outline | filecheck %s
// Names say what a kernel does: composites by the user's word. Costs are of one launch.

// CHECK: "kernel.define"() ({
// CHECK: "kernel.yield"(%18)
// CHECK-NEXT: }) {bytes = "320", dims = [], flops = "240", sym_name = "row_layer_norm_0", template = "row", units = "4", workspace = []}
// CHECK-NEXT: "kernel.define"() ({
// CHECK: "kernel.yield"(%10)
// CHECK-NEXT: }) {bytes = "896", dims = [], flops = "1408", sym_name = "gemm_gelu_0", template = "gemm", units = "1", workspace = []}
// CHECK-LABEL: func.func @block(
// CHECK-NEXT: %0 = "kernel.call"(%arg0, %arg2, %arg3) {callee = @row_layer_norm_0, dims = []}
// CHECK-NEXT: %1 = "kernel.call"(%0, %arg1) {callee = @gemm_gelu_0, dims = []}
// CHECK-NEXT: return %1

func.func @block(%arg0: tensor<4x8xf32>, %arg1: tensor<8x16xf32>, %arg2: tensor<8xf32>, %arg3: tensor<8xf32>) -> tensor<4x16xf32> {
  %0 = "axe.layer_norm"(%arg0, %arg2, %arg3) {eps = 1.000000e-05 : f64} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  %1 = "axe.dot_general"(%0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %2 = "axe.gelu"(%1) {approximate = true} : (tensor<4x16xf32>) -> tensor<4x16xf32>
  return %2 : tensor<4x16xf32>
}
