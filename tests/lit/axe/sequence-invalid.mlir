// RUN: not axec opt --split-input-file %s 2>&1 | filecheck %s

func.func @kind(%x: tensor<3xf32>) -> tensor<3xf32> {
  // CHECK: error[ir-invalid]: 'axe.cumulate' op no kind 'mean'; there are sum, prod, max, min
  // CHECK-NEXT: sequence-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.cumulate"(%x) {kind = "mean", axis = 0 : i64} : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @positions(%x: tensor<3xf32>) -> tensor<3xi32> {
  // CHECK: error[ir-invalid]: 'axe.argsort' op result types are i32[3], the shape rule gives i64[3]
  // CHECK-NEXT: sequence-invalid.mlir:[[# @LINE + 1]]:8{{$}}
  %0 = "axe.argsort"(%x) {descending = false} : (tensor<3xf32>) -> tensor<3xi32>
  return %0 : tensor<3xi32>
}
