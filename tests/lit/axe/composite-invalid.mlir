// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

func.func @axis(%x: tensor<3xf32>) -> tensor<3xf32> {
  // CHECK: error[ir-invalid]: 'axe.softmax' op axes (1,) do not fit rank 1
  // CHECK-NEXT: composite-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.softmax"(%x) {axis = 1} : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @scale(%x: tensor<2x3xf32>, %s: tensor<2xf32>) -> tensor<2x3xf32> {
  // CHECK: error[ir-invalid]: 'axe.rms_norm' op scale has shape (2,), must be (3,)
  // CHECK-NEXT: composite-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.rms_norm"(%x, %s) {eps = 1.0e-5} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

func.func @keys(%q: tensor<3x4xf32>, %k: tensor<5x3xf32>) -> tensor<3x4xf32> {
  // CHECK: error[ir-invalid]: 'axe.attention' op k has shape (5, 3), must be (5, 4)
  // CHECK-NEXT: composite-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.attention"(%q, %k, %k) {causal = false, scale = 1.0} : (tensor<3x4xf32>, tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

func.func @mask(%q: tensor<3x4xf32>, %m: tensor<3x4xi1>) -> tensor<3x4xf32> {
  // CHECK: error[ir-invalid]: 'axe.attention' op the mask has shape (3, 4), must be (3, 3)
  // CHECK-NEXT: composite-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.attention"(%q, %q, %q, %m) {causal = false, scale = 1.0} : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xi1>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

func.func @bool_attribute(%x: tensor<3xf32>) -> tensor<3xf32> {
  // CHECK: error[ir-invalid]: 'axe.gelu' op attribute 'approximate' must be true or false, got 1 : i64
  // CHECK-NEXT: composite-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.gelu"(%x) {approximate = 1} : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
