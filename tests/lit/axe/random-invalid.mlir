// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

func.func @dtype(%x: tensor<3xi32>) -> tensor<3xi32> {
  // CHECK: error[ir-invalid]: 'axe.random_bits' op needs i64, got i32
  // CHECK-NEXT: random-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.random_bits"(%x, %x) : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>
  return %0 : tensor<3xi32>
}

// -----

func.func @key_per_element(%key: tensor<i64>, %counter: tensor<3xi64>) -> tensor<3xi64> {
  // CHECK: error[ir-invalid]: 'axe.random_bits' op shapes () and (3,) differ
  // CHECK-NEXT: random-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.random_bits"(%key, %counter) : (tensor<i64>, tensor<3xi64>) -> tensor<3xi64>
  return %0 : tensor<3xi64>
}
