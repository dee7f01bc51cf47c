// RUN: axec opt %s --pass simplify | filecheck %s
// Rules of ops that fold axes.

// RULE: reduce(x) along axes of size 1 => reshape(x)
// CHECK-LABEL: @reduce_ones(
// CHECK-NEXT: %0 = "axe.reshape"(%arg0) {shape = ["n", 3]}
// CHECK-NEXT: return %0
func.func @reduce_ones(%arg0: tensor<1x?x3xf32, ["n"]>) -> tensor<?x3xf32, ["n"]> {
  %0 = "axe.reduce"(%arg0) {axes = array<i64: 0>, kind = "sum"} : (tensor<1x?x3xf32, ["n"]>) -> tensor<?x3xf32, ["n"]>
  return %0 : tensor<?x3xf32, ["n"]>
}

// CHECK-LABEL: @reduce_ones_miss(
// CHECK-NEXT: %0 = "axe.reduce"(%arg0) {axes = array<i64: 0, 1>, kind = "sum"}
// CHECK-NEXT: return %0
func.func @reduce_ones_miss(%arg0: tensor<1x?x3xf32, ["n"]>) -> tensor<3xf32> {
  %0 = "axe.reduce"(%arg0) {axes = array<i64: 0, 1>, kind = "sum"} : (tensor<1x?x3xf32, ["n"]>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// RULE: reduce(reduce(x)) => reduce(x) (max, min; sum and prod of integers)
// CHECK-LABEL: @reduce_reduce(
// CHECK-NEXT: %0 = "axe.reduce"(%arg0) {axes = array<i64: 1, 2>, kind = "max"}
// CHECK-NEXT: return %0
func.func @reduce_reduce(%arg0: tensor<2x3x5xf32>) -> tensor<2xf32> {
  %0 = "axe.reduce"(%arg0) {axes = array<i64: 1>, kind = "max"} : (tensor<2x3x5xf32>) -> tensor<2x5xf32>
  %1 = "axe.reduce"(%0) {axes = array<i64: 1>, kind = "max"} : (tensor<2x5xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// rounding
// CHECK-LABEL: @reduce_reduce_miss(
// CHECK-NEXT: %0 = "axe.reduce"(%arg0) {axes = array<i64: 1>, kind = "sum"}
// CHECK-NEXT: %1 = "axe.reduce"(%0) {axes = array<i64: 1>, kind = "sum"}
// CHECK-NEXT: return %1
func.func @reduce_reduce_miss(%arg0: tensor<2x3x5xf32>) -> tensor<2xf32> {
  %0 = "axe.reduce"(%arg0) {axes = array<i64: 1>, kind = "sum"} : (tensor<2x3x5xf32>) -> tensor<2x5xf32>
  %1 = "axe.reduce"(%0) {axes = array<i64: 1>, kind = "sum"} : (tensor<2x5xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// RULE: reduce(transpose(x)) => reduce(x), the order of kept axes kept
// CHECK-LABEL: @reduce_transpose(
// CHECK-NEXT: %0 = "axe.reduce"(%arg0) {axes = array<i64: 2>, kind = "max"}
// CHECK-NEXT: return %0
func.func @reduce_transpose(%arg0: tensor<2x3x5xf32>) -> tensor<2x3xf32> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 2, 0, 1>} : (tensor<2x3x5xf32>) -> tensor<5x2x3xf32>
  %1 = "axe.reduce"(%0) {axes = array<i64: 0>, kind = "max"} : (tensor<5x2x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// CHECK-LABEL: @reduce_transpose_miss(
// CHECK-NEXT: %0 = "axe.transpose"(%arg0) {perm = array<i64: 2, 0, 1>}
// CHECK-NEXT: %1 = "axe.reduce"(%0) {axes = array<i64: 1>, kind = "max"}
// CHECK-NEXT: return %1
func.func @reduce_transpose_miss(%arg0: tensor<2x3x5xf32>) -> tensor<5x3xf32> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 2, 0, 1>} : (tensor<2x3x5xf32>) -> tensor<5x2x3xf32>
  %1 = "axe.reduce"(%0) {axes = array<i64: 1>, kind = "max"} : (tensor<5x2x3xf32>) -> tensor<5x3xf32>
  return %1 : tensor<5x3xf32>
}

// RULE: dot_general(transpose(x), y) => dot_general(x, y), the order of free axes kept
// CHECK-LABEL: @dot_transpose(
// CHECK-NEXT: %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64: 0, 2>, batch_y = array<i64: 0, 2>, contract_x = array<i64: 3>, contract_y = array<i64: 3>}
// CHECK-NEXT: return %0
func.func @dot_transpose(%arg0: tensor<2x7x4x3xf32>, %arg1: tensor<2x5x4x3xf32>) -> tensor<2x4x7x5xf32> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x7x4x3xf32>) -> tensor<2x4x7x3xf32>
  %1 = "axe.transpose"(%arg1) {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x5x4x3xf32>) -> tensor<2x4x3x5xf32>
  %2 = "axe.dot_general"(%0, %1) {batch_x = array<i64: 0, 1>, batch_y = array<i64: 0, 1>, contract_x = array<i64: 3>, contract_y = array<i64: 2>} : (tensor<2x4x7x3xf32>, tensor<2x4x3x5xf32>) -> tensor<2x4x7x5xf32>
  return %2 : tensor<2x4x7x5xf32>
}

// CHECK-LABEL: @dot_transpose_miss(
// CHECK-NEXT: %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0, 2>}
// CHECK-NEXT: %1 = "axe.dot_general"(%0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 2>, contract_y = array<i64: 1>}
// CHECK-NEXT: return %1
func.func @dot_transpose_miss(%arg0: tensor<2x7x3xf32>, %arg1: tensor<5x3xf32>) -> tensor<7x2x5xf32> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0, 2>} : (tensor<2x7x3xf32>) -> tensor<7x2x3xf32>
  %1 = "axe.dot_general"(%0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 2>, contract_y = array<i64: 1>} : (tensor<7x2x3xf32>, tensor<5x3xf32>) -> tensor<7x2x5xf32>
  return %1 : tensor<7x2x5xf32>
}
