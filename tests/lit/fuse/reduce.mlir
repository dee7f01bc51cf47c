// RUN: axec opt %s --pass fuse | filecheck %s
// One op that folds any axes or windows, with pointwise ops before and after.

// Column sums read each element once, so that anything may be computed on the way.
// CHECK-LABEL: @columns(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.exp"(%arg1)
// CHECK-NEXT: %2 = "axe.reduce"(%1) {axes = array<i64: 0>, kind = "sum"}
// CHECK-NEXT: %3 = "axe.sqrt"(%2)
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "reduce"}
// CHECK-NEXT: return %0
func.func @columns(%arg0: tensor<?x8xf32, ["n"]>) -> tensor<8xf32> {
  %0 = "axe.exp"(%arg0) : (tensor<?x8xf32, ["n"]>) -> tensor<?x8xf32, ["n"]>
  %1 = "axe.reduce"(%0) {axes = array<i64: 0>, kind = "sum"} : (tensor<?x8xf32, ["n"]>) -> tensor<8xf32>
  %2 = "axe.sqrt"(%1) : (tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// A window reads elements several times: an addition is repeated ...
// CHECK-LABEL: @pool(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.add"(%arg1, %arg1)
// CHECK-NEXT: %2 = "axe.window"(%1) {dilation = array<i64: 1>, kind = "max", padding = [array<i64: 0, 0>], size = array<i64: 3>, stride = array<i64: 1>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "reduce"}
// CHECK-NEXT: return %0
func.func @pool(%arg0: tensor<2x8xf32>) -> tensor<2x6xf32> {
  %0 = "axe.add"(%arg0, %arg0) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %1 = "axe.window"(%0) {dilation = array<i64: 1>, kind = "max", padding = [array<i64: 0, 0>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x6xf32>
  return %1 : tensor<2x6xf32>
}

// ... a function is not.
// CHECK-LABEL: @pool_of_function(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.exp"(%arg1)
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "map"}
// CHECK-NEXT: %1 = "kernel.fused"(%0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.window"(%arg1) {dilation = array<i64: 1>, kind = "max", padding = [array<i64: 0, 0>], size = array<i64: 3>, stride = array<i64: 1>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "reduce"}
// CHECK-NEXT: return %1
func.func @pool_of_function(%arg0: tensor<2x8xf32>) -> tensor<2x6xf32> {
  %0 = "axe.exp"(%arg0) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %1 = "axe.window"(%0) {dilation = array<i64: 1>, kind = "max", padding = [array<i64: 0, 0>], size = array<i64: 3>, stride = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<2x6xf32>
  return %1 : tensor<2x6xf32>
}

// The index of the largest.
// CHECK-LABEL: @index(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %1 = "axe.neg"(%arg1)
// CHECK-NEXT: %2 = "axe.argreduce"(%1) {axis = 1 : i64, kind = "max"}
// CHECK-NEXT: %3 = "axe.cast"(%2) {dtype = i32}
// CHECK-NEXT: "kernel.yield"(%3)
// CHECK-NEXT: }) {template = "reduce"}
// CHECK-NEXT: return %0
func.func @index(%arg0: tensor<4x8xf32>) -> tensor<4xi32> {
  %0 = "axe.neg"(%arg0) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = "axe.argreduce"(%0) {axis = 1 : i64, kind = "max"} : (tensor<4x8xf32>) -> tensor<4xi64>
  %2 = "axe.cast"(%1) {dtype = i32} : (tensor<4xi64>) -> tensor<4xi32>
  return %2 : tensor<4xi32>
}

// A window that ends in a view.
// CHECK-LABEL: @window(
// CHECK-NEXT: %0 = "kernel.fused"(%arg0) ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %2 = "axe.window"(%arg1) {dilation = array<i64: 1>, kind = "max", padding = [array<i64: 0, 0>], size = array<i64: 2>, stride = array<i64: 2>}
// CHECK-NEXT: "kernel.yield"(%2)
// CHECK-NEXT: }) {template = "reduce"}
// CHECK-NEXT: %1 = "axe.reshape"(%0) {shape = [16]}
// CHECK-NEXT: return %1
func.func @window(%arg0: tensor<4x8xf32>) -> tensor<16xf32> {
  %0 = "axe.window"(%arg0) {dilation = array<i64: 1>, kind = "max", padding = [array<i64: 0, 0>], size = array<i64: 2>, stride = array<i64: 2>} : (tensor<4x8xf32>) -> tensor<4x4xf32>
  %1 = "axe.reshape"(%0) {shape = [16]} : (tensor<4x4xf32>) -> tensor<16xf32>
  return %1 : tensor<16xf32>
}
