// RUN: axec opt %s --pass fuse --pass outline --pass plan{growth=100} | filecheck %s
// RUN: axec opt %s --pass fuse --pass outline --pass plan | filecheck %s --check-prefix=PEAK
// Launches that do not depend on each other are one job where threads would be idle otherwise.

// The last launch goes to the first one, across one that depends on that. Slices stand outside.
// CHECK: "exec.group"() ({
// CHECK-NEXT: "exec.launch"(%arg0, %arg1, %arg3, %0) {callee = @gemm_0,
// CHECK-NEXT: "exec.launch"(%arg1, %arg2, %arg5, %1) {callee = @gemm_1,
// CHECK-NEXT: "exec.yield"()
// CHECK: "exec.launch"(%arg3, %arg4) {callee = @row_reduce_0,
// CHECK-NEXT: "exec.return"

// Near miss: the scratch of both is more than was in use at once, which `growth` allows above only.
// PEAK-NOT: exec.group
// PEAK: "exec.return"

func.func @main(%x: tensor<64x512xf32>, %y: tensor<64x10xf32>, %w: tensor<512x10xf32>) -> (tensor<512x10xf32>, tensor<f32>, tensor<64x512xf32>) {
  %0 = "axe.dot_general"(%x, %y) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 0>, contract_y = array<i64: 0>} : (tensor<64x512xf32>, tensor<64x10xf32>) -> tensor<512x10xf32>
  %1 = "axe.reduce"(%0) {axes = array<i64: 0, 1>, kind = "sum"} : (tensor<512x10xf32>) -> tensor<f32>
  %2 = "axe.dot_general"(%y, %w) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 1>} : (tensor<64x10xf32>, tensor<512x10xf32>) -> tensor<64x512xf32>
  return %0, %1, %2 : tensor<512x10xf32>, tensor<f32>, tensor<64x512xf32>
}
