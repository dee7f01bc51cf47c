// RUN: axec opt %s --pass split_reductions | filecheck %s
// A fold of a large array to one number becomes a fold of rows, which threads share, and a fold of
// their results.

// Leading axes number the rows where there are enough of them and the rest is long enough.
// CHECK-LABEL: @matrix(
// CHECK-NEXT: %0 = "axe.reduce"(%arg0) {axes = array<i64: 1>, kind = "sum"} : (tensor<4096x1024xf32>) -> tensor<4096xf32>
// CHECK-NEXT: %1 = "axe.reduce"(%0) {axes = array<i64: 0>, kind = "sum"} : (tensor<4096xf32>) -> tensor<f32>
// CHECK-NEXT: return %1
func.func @matrix(%arg0: tensor<4096x1024xf32>) -> tensor<f32> {
  %0 = "axe.reduce"(%arg0) {axes = array<i64: 0, 1>, kind = "sum"} : (tensor<4096x1024xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// Elsewhere the elements are cut into rows of a power of two.
// CHECK-LABEL: @vector(
// CHECK-NEXT: %0 = "axe.reshape"(%arg0) {shape = [1024, 1024]}
// CHECK-NEXT: %1 = "axe.reduce"(%0) {axes = array<i64: 1>, kind = "max"}
// CHECK-NEXT: %2 = "axe.reduce"(%1) {axes = array<i64: 0>, kind = "max"}
// CHECK-NEXT: return %2
func.func @vector(%arg0: tensor<1048576xf32>) -> tensor<f32> {
  %0 = "axe.reduce"(%arg0) {axes = array<i64: 0>, kind = "max"} : (tensor<1048576xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// An axis of size 1 that is not folded stays.
// CHECK-LABEL: @column(
// CHECK-NEXT: %0 = "axe.reshape"(%arg0) {shape = [512, 512]}
// CHECK-NEXT: %1 = "axe.reduce"(%0) {axes = array<i64: 1>, kind = "sum"}
// CHECK-NEXT: %2 = "axe.reduce"(%1) {axes = array<i64: 0>, kind = "sum"}
// CHECK-NEXT: %3 = "axe.reshape"(%2) {shape = [1]}
// CHECK-NEXT: return %3
func.func @column(%arg0: tensor<262144x1xf32>) -> tensor<1xf32> {
  %0 = "axe.reduce"(%arg0) {axes = array<i64: 0>, kind = "sum"} : (tensor<262144x1xf32>) -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

// Not to one number: its results are units already.
// CHECK-LABEL: @rows(
// CHECK-NEXT: %0 = "axe.reduce"(%arg0) {axes = array<i64: 1>, kind = "sum"}
// CHECK-NEXT: return %0
func.func @rows(%arg0: tensor<1024x1024xf32>) -> tensor<1024xf32> {
  %0 = "axe.reduce"(%arg0) {axes = array<i64: 1>, kind = "sum"} : (tensor<1024x1024xf32>) -> tensor<1024xf32>
  return %0 : tensor<1024xf32>
}

// Small, or of no size that is cut evenly.
// CHECK-LABEL: @small(
// CHECK-NEXT: %0 = "axe.reduce"(%arg0) {axes = array<i64: 0>, kind = "sum"}
// CHECK-NEXT: %1 = "axe.reduce"(%arg1) {axes = array<i64: 0>, kind = "sum"}
// CHECK-NEXT: return %0, %1
func.func @small(%arg0: tensor<4096xf32>, %arg1: tensor<262147xf32>) -> (tensor<f32>, tensor<f32>) {
  %0 = "axe.reduce"(%arg0) {axes = array<i64: 0>, kind = "sum"} : (tensor<4096xf32>) -> tensor<f32>
  %1 = "axe.reduce"(%arg1) {axes = array<i64: 0>, kind = "sum"} : (tensor<262147xf32>) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}
