// RUN: axec opt %s --pass straighten | filecheck %s
// A product that folds axes which follow each other in different orders is none of strided matrices:
// the smaller factor is copied, row by row.

// The gradient of a weight whose input had its first two axes exchanged.
// CHECK-LABEL: @orders(
// CHECK-NEXT: %0 = "axe.transpose"(%arg1) {perm = array<i64: 1, 0, 2>} : (tensor<3x5x4xf32>) -> tensor<5x3x4xf32>
// CHECK-NEXT: %1 = "axe.dot_general"(%arg0, %0) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 0, 1>, contract_y = array<i64: 0, 1>}
// CHECK-NEXT: return %1
func.func @orders(%arg0: tensor<5x3x16xf32>, %arg1: tensor<3x5x4xf32>) -> tensor<16x4xf32> {
  %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 0, 1>, contract_y = array<i64: 1, 0>} : (tensor<5x3x16xf32>, tensor<3x5x4xf32>) -> tensor<16x4xf32>
  return %0 : tensor<16x4xf32>
}

// What is folded last stays last. The left factor is the smaller one, the batch axis comes first.
// CHECK-LABEL: @left(
// CHECK-NEXT: %0 = "axe.transpose"(%arg0) {perm = array<i64: 0, 2, 3, 1>}
// CHECK-NEXT: %1 = "axe.dot_general"(%0, %arg1) {batch_x = array<i64: 0>, batch_y = array<i64: 0>, contract_x = array<i64: 2, 3>, contract_y = array<i64: 1, 2>}
func.func @left(%arg0: tensor<2x5x3x6xf32>, %arg1: tensor<2x6x5x32xf32>) -> tensor<2x3x32xf32> {
  %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64: 0>, batch_y = array<i64: 0>, contract_x = array<i64: 1, 3>, contract_y = array<i64: 2, 1>} : (tensor<2x5x3x6xf32>, tensor<2x6x5x32xf32>) -> tensor<2x3x32xf32>
  return %0 : tensor<2x3x32xf32>
}

// Where strides say it all, nothing is copied: axes in the same order, one factor transposed.
// CHECK-LABEL: @straight(
// CHECK-NEXT: %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 0, 1>, contract_y = array<i64: 1, 2>}
func.func @straight(%arg0: tensor<5x3x16xf32>, %arg1: tensor<4x5x3xf32>) -> tensor<16x4xf32> {
  %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 0, 1>, contract_y = array<i64: 1, 2>} : (tensor<5x3x16xf32>, tensor<4x5x3xf32>) -> tensor<16x4xf32>
  return %0 : tensor<16x4xf32>
}
