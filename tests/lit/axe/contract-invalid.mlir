// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

func.func @contracted(%x: tensor<2x3xf32>, %y: tensor<4x5xf32>) -> tensor<2x5xf32> {
  // CHECK: error[ir-invalid]: 'axe.dot_general' op contracted axes (1,) of (2, 3) and (0,) of (4, 5) have sizes (3,) and (4,)
  // CHECK-NEXT: contract-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.dot_general"(%x, %y) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}

// -----

func.func @order(%x: tensor<2x3xf32>, %y: tensor<3x5xf32>) -> tensor<5x2xf32> {
  // CHECK: error[ir-invalid]: 'axe.dot_general' op result types are f32[5, 2], the shape rule gives f32[2, 5]
  // CHECK-NEXT: contract-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.dot_general"(%x, %y) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 0>} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<5x2xf32>
  return %0 : tensor<5x2xf32>
}

// -----

func.func @groups(%x: tensor<1x4x8xf32>, %w: tensor<3x2x3xf32>) -> tensor<1x3x6xf32> {
  // CHECK: error[ir-invalid]: 'axe.conv' op channels of (1, 4, 8) and (3, 2, 3) do not fit 2 groups
  // CHECK-NEXT: contract-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1>, padding = [array<i64: 0, 0>], dilation = array<i64: 1>, groups = 2} : (tensor<1x4x8xf32>, tensor<3x2x3xf32>) -> tensor<1x3x6xf32>
  return %0 : tensor<1x3x6xf32>
}

// -----

func.func @padding(%x: tensor<1x4x8xf32>, %w: tensor<3x4x3xf32>) -> tensor<1x3x6xf32> {
  // CHECK: error[ir-invalid]: 'axe.conv' op padding () must have 1 entries
  // CHECK-NEXT: contract-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1>, padding = [], dilation = array<i64: 1>, groups = 1} : (tensor<1x4x8xf32>, tensor<3x4x3xf32>) -> tensor<1x3x6xf32>
  return %0 : tensor<1x3x6xf32>
}
