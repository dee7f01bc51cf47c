// RUN: axec opt %s | axec opt - | filecheck %s

// CHECK-LABEL: @dot_general
func.func @dot_general(%x: tensor<?x4x5xf32, ["batch"]>, %y: tensor<?x5x6xf32, ["batch"]>) -> tensor<?x4x6xf32, ["batch"]> {
  // CHECK-NEXT: "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64: 0>, batch_y = array<i64: 0>, contract_x = array<i64: 2>, contract_y = array<i64: 1>}
  %0 = "axe.dot_general"(%x, %y) {batch_x = array<i64: 0>, batch_y = array<i64: 0>, contract_x = array<i64: 2>, contract_y = array<i64: 1>} : (tensor<?x4x5xf32, ["batch"]>, tensor<?x5x6xf32, ["batch"]>) -> tensor<?x4x6xf32, ["batch"]>
  return %0 : tensor<?x4x6xf32, ["batch"]>
}

// CHECK-LABEL: @conv
func.func @conv(%x: tensor<2x4x8x8xf32>, %w: tensor<6x2x3x3xf32>) -> tensor<2x6x4x4xf32> {
  // CHECK-NEXT: "axe.conv"(%arg0, %arg1) {dilation = array<i64: 1, 1>, groups = 2 : i64, padding = [array<i64: 1, 1>, array<i64: 1, 1>], stride = array<i64: 2, 2>}
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 2, 2>, padding = [array<i64: 1, 1>, array<i64: 1, 1>], dilation = array<i64: 1, 1>, groups = 2} : (tensor<2x4x8x8xf32>, tensor<6x2x3x3xf32>) -> tensor<2x6x4x4xf32>
  return %0 : tensor<2x6x4x4xf32>
}
