// RUN: axec opt %s | axec opt - | filecheck %s
// Decompositions work on the last two axes; everything before them is a batch.

// CHECK-LABEL: @batch
func.func @batch(%x: tensor<?x4x4xf32, ["n"]>, %b: tensor<?x4x3xf32, ["n"]>) -> (tensor<?x4x3xf32, ["n"]>, tensor<?x5x4xf32, ["n"]>) {
  // CHECK-NEXT: %0 = "axe.cholesky"(%arg0) : (tensor<?x4x4xf32, ["n"]>) -> tensor<?x4x4xf32, ["n"]>
  %0 = "axe.cholesky"(%x) : (tensor<?x4x4xf32, ["n"]>) -> tensor<?x4x4xf32, ["n"]>
  // CHECK-NEXT: %1 = "axe.triangular_solve"(%0, %arg1) {lower = true, transpose = false, unit = false}
  %1 = "axe.triangular_solve"(%0, %b) {lower = true, transpose = false, unit = false} : (tensor<?x4x4xf32, ["n"]>, tensor<?x4x3xf32, ["n"]>) -> tensor<?x4x3xf32, ["n"]>
  // The factors L and U in one matrix, and below it the permutation of the rows.
  // CHECK-NEXT: %2 = "axe.lu"(%arg0) : (tensor<?x4x4xf32, ["n"]>) -> tensor<?x5x4xf32, ["n"]>
  %2 = "axe.lu"(%x) : (tensor<?x4x4xf32, ["n"]>) -> tensor<?x5x4xf32, ["n"]>
  return %1, %2 : tensor<?x4x3xf32, ["n"]>, tensor<?x5x4xf32, ["n"]>
}

// CHECK-LABEL: @tall
func.func @tall(%x: tensor<5x3xf64>) -> tensor<5x3xf64> {
  // CHECK-NEXT: "axe.householder"(%arg0) : (tensor<5x3xf64>) -> tensor<5x3xf64>
  %0 = "axe.householder"(%x) : (tensor<5x3xf64>) -> tensor<5x3xf64>
  return %0 : tensor<5x3xf64>
}

// CHECK-LABEL: @equations
func.func @equations(%a: tensor<3x3xf64>, %b: tensor<3x1xf64>) -> tensor<3x1xf64> {
  // CHECK-NEXT: "axe.solve"(%arg0, %arg1) {transpose = true}
  %0 = "axe.solve"(%a, %b) {transpose = true} : (tensor<3x3xf64>, tensor<3x1xf64>) -> tensor<3x1xf64>
  return %0 : tensor<3x1xf64>
}
