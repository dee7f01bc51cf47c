// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

func.func @square(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // CHECK: error[ir-invalid]: 'axe.cholesky' op needs square matrices [..., N, N], got (2, 3)
  // CHECK-NEXT: linalg-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.cholesky"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

func.func @wide(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // CHECK: error[ir-invalid]: 'axe.householder' op (2, 3) has more columns than rows
  // CHECK-NEXT: linalg-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.householder"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

func.func @narrow(%x: tensor<2x2xf16>) -> tensor<3x2xf16> {
  // CHECK: error[ir-invalid]: 'axe.lu' op needs f32 or f64, got f16
  // CHECK-NEXT: linalg-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.lu"(%x) : (tensor<2x2xf16>) -> tensor<3x2xf16>
  return %0 : tensor<3x2xf16>
}
