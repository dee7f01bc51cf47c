// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

func.func @float_indices(%x: tensor<5xf32>) -> tensor<5xf32> {
  // CHECK: error[ir-invalid]: 'axe.take' op the indices must be i32 or i64, got f32
  // CHECK-NEXT: indexing-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.take"(%x, %x) {axis = 0} : (tensor<5xf32>, tensor<5xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// -----

func.func @nothing(%x: tensor<0x2xf32>, %i: tensor<3xi32>) -> tensor<3x2xf32> {
  // CHECK: error[ir-invalid]: 'axe.take' op nothing to take from axis 0 of (0, 2)
  // CHECK-NEXT: indexing-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.take"(%x, %i) {axis = 0} : (tensor<0x2xf32>, tensor<3xi32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

func.func @starts(%x: tensor<5x5xf32>, %i: tensor<i64>) -> tensor<2x2xf32> {
  // CHECK: error[ir-invalid]: 'axe.dynamic_slice' op a window of shape (2, 2) with 1 starts needs an operand of that rank, got (5, 5)
  // CHECK-NEXT: indexing-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.dynamic_slice"(%x, %i) {size = [2, 2]} : (tensor<5x5xf32>, tensor<i64>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

func.func @mixed_starts(%x: tensor<5x5xf32>, %i: tensor<i64>, %j: tensor<i32>) -> tensor<2x2xf32> {
  // CHECK: error[ir-invalid]: 'axe.dynamic_slice' op dtypes i64 and i32 differ
  // CHECK-NEXT: indexing-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.dynamic_slice"(%x, %i, %j) {size = [2, 2]} : (tensor<5x5xf32>, tensor<i64>, tensor<i32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

func.func @too_large(%x: tensor<5xf32>, %y: tensor<6xf32>, %i: tensor<i64>) -> tensor<5xf32> {
  // CHECK: error[ir-invalid]: 'axe.dynamic_update' op a window of shape (6,) does not fit into (5,)
  // CHECK-NEXT: indexing-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.dynamic_update"(%x, %y, %i) : (tensor<5xf32>, tensor<6xf32>, tensor<i64>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}
