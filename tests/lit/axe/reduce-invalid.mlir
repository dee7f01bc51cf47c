// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

func.func @kind(%x: tensor<3xf32>) -> tensor<f32> {
  // CHECK: error[ir-invalid]: 'axe.reduce' op no kind 'mean'; there are sum, prod, max, min
  // CHECK-NEXT: reduce-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.reduce"(%x) {kind = "mean", axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

func.func @sum_of_bools(%x: tensor<3xi1>) -> tensor<i1> {
  // CHECK: error[ir-invalid]: 'axe.reduce' op sum: needs floating point or signed integer or unsigned integer, got bool
  // CHECK-NEXT: reduce-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.reduce"(%x) {kind = "sum", axes = array<i64: 0>} : (tensor<3xi1>) -> tensor<i1>
  return %0 : tensor<i1>
}

// -----

func.func @twice(%x: tensor<3xf32>) -> tensor<f32> {
  // CHECK: error[ir-invalid]: 'axe.reduce' op axes (0, 0) do not fit rank 1
  // CHECK-NEXT: reduce-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.reduce"(%x) {kind = "sum", axes = array<i64: 0, 0>} : (tensor<3xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

func.func @empty(%x: tensor<3x0xf32>) -> tensor<3xi64> {
  // CHECK: error[ir-invalid]: 'axe.argreduce' op axis 1 of (3, 0) is empty
  // CHECK-NEXT: reduce-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.argreduce"(%x) {kind = "max", axis = 1} : (tensor<3x0xf32>) -> tensor<3xi64>
  return %0 : tensor<3xi64>
}

// -----

func.func @keeps_dims(%x: tensor<3x2xf32>) -> tensor<3x1xf32> {
  // CHECK: error[ir-invalid]: 'axe.reduce' op result types are f32[3, 1], the shape rule gives f32[3]
  // CHECK-NEXT: reduce-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.reduce"(%x) {kind = "sum", axes = array<i64: 1>} : (tensor<3x2xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}

// -----

func.func @room(%x: tensor<2xf32>) -> tensor<0xf32> {
  // CHECK: error[ir-invalid]: 'axe.window' op a window of (3,), dilation (1,), does not fit into (2,) with padding ((0, 0),)
  // CHECK-NEXT: reduce-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.window"(%x) {kind = "max", size = array<i64: 3>, stride = array<i64: 1>, padding = [array<i64: 0, 0>], dilation = array<i64: 1>} : (tensor<2xf32>) -> tensor<0xf32>
  return %0 : tensor<0xf32>
}
