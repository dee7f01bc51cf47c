// RUN: axec opt %s --pass layout | filecheck %s
// Convolutions write their results channels last, where vectors run along output channels; pointwise
// ops, windows and reductions follow.

// Everything between the entry's arguments and its result is done with channels last. A transposition
// behind a convolution is the order in which that writes, one before it the order in which it reads. An
// image whose rows a window would leave gets a border, so that the innermost loop stays inside.
// CHECK-LABEL: @block(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0.000000e+00>
// CHECK-NEXT: %1 = "axe.pad"(%arg0, %0) {high = array<i64: 0, 0, 1, 1>, low = array<i64: 0, 0, 1, 1>}
// CHECK-NEXT: %2 = "axe.conv"(%1, %arg1)
// CHECK-NEXT: %3 = "axe.transpose"(%2) {perm = array<i64: 0, 2, 3, 1>}
// CHECK-NEXT: %4 = "axe.broadcast"(%arg3) {axes = array<i64: 3>, shape = [1, 6, 6, 16]}
// CHECK-NEXT: %5 = "axe.add"(%3, %4)
// CHECK-NEXT: %6 = "axe.window"(%5) {{.*}}size = array<i64: 2, 2, 1>, stride = array<i64: 2, 2, 1>}
// CHECK-NEXT: %7 = "axe.transpose"(%6) {perm = array<i64: 0, 3, 1, 2>}
// CHECK-NEXT: %8 = "axe.conv"(%7, %arg2)
// CHECK-NEXT: %9 = "axe.transpose"(%8) {perm = array<i64: 0, 2, 3, 1>}
// CHECK-NEXT: %10 = "axe.add"(%9, %6)
// CHECK-NEXT: %11 = "axe.reduce"(%10) {axes = array<i64: 1, 2>, kind = "sum"}
// CHECK-NEXT: return %11
func.func @block(%x: tensor<1x8x6x6xf32>, %w: tensor<16x8x3x3xf32> {axe.weight = "w"}, %v: tensor<16x16x3x3xf32> {axe.weight = "v"}, %bias: tensor<16xf32>) -> tensor<1x16xf32> {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 1, 1>, array<i64: 1, 1>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x6x6xf32>, tensor<16x8x3x3xf32>) -> tensor<1x16x6x6xf32>
  %1 = "axe.broadcast"(%bias) {axes = array<i64: 1>, shape = [1, 16, 6, 6]} : (tensor<16xf32>) -> tensor<1x16x6x6xf32>
  %2 = "axe.add"(%0, %1) : (tensor<1x16x6x6xf32>, tensor<1x16x6x6xf32>) -> tensor<1x16x6x6xf32>
  %3 = "axe.window"(%2) {kind = "max", size = array<i64: 2, 2>, stride = array<i64: 2, 2>, padding = [array<i64: 0, 0>, array<i64: 0, 0>], dilation = array<i64: 1, 1>} : (tensor<1x16x6x6xf32>) -> tensor<1x16x3x3xf32>
  %4 = "axe.conv"(%3, %v) {stride = array<i64: 1, 1>, padding = [array<i64: 1, 1>, array<i64: 1, 1>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x16x3x3xf32>, tensor<16x16x3x3xf32>) -> tensor<1x16x3x3xf32>
  %5 = "axe.add"(%4, %3) : (tensor<1x16x3x3xf32>, tensor<1x16x3x3xf32>) -> tensor<1x16x3x3xf32>
  %6 = "axe.reduce"(%5) {kind = "sum", axes = array<i64: 2, 3>} : (tensor<1x16x3x3xf32>) -> tensor<1x16xf32>
  return %6 : tensor<1x16xf32>
}

// Whoever reads a value in its own order gets it: ops without a rule, and the caller.
// CHECK-LABEL: @edges(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0.000000e+00>
// CHECK-NEXT: %1 = "axe.pad"(%arg0, %0) {high = array<i64: 0, 0, 1, 1>, low = array<i64: 0, 0, 1, 1>}
// CHECK-NEXT: %2 = "axe.conv"(%1, %arg1)
// CHECK-NEXT: %3 = "axe.transpose"(%2) {perm = array<i64: 0, 2, 3, 1>}
// CHECK-NEXT: %4 = "axe.exp"(%3)
// CHECK-NEXT: %5 = "axe.transpose"(%4) {perm = array<i64: 0, 3, 1, 2>}
// CHECK-NEXT: %6 = "axe.cumulate"(%5) {axis = 3 : i64, kind = "sum"}
// CHECK-NEXT: return %5, %6
func.func @edges(%x: tensor<1x8x6x6xf32>, %w: tensor<16x8x3x3xf32> {axe.weight = "w"}) -> (tensor<1x16x6x6xf32>, tensor<1x16x6x6xf32>) {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 1, 1>, array<i64: 1, 1>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x8x6x6xf32>, tensor<16x8x3x3xf32>) -> tensor<1x16x6x6xf32>
  %1 = "axe.exp"(%0) : (tensor<1x16x6x6xf32>) -> tensor<1x16x6x6xf32>
  %2 = "axe.cumulate"(%1) {kind = "sum", axis = 3 : i64} : (tensor<1x16x6x6xf32>) -> tensor<1x16x6x6xf32>
  return %1, %2 : tensor<1x16x6x6xf32>, tensor<1x16x6x6xf32>
}

// Filters that are an argument are turned in every call: what stands between a pair of transpositions
// that does nothing is how they are stored. As a matrix: windows of all sizes have one kernel for it.
// A transposition of the result is one of what is written.
// CHECK-LABEL: @argument(
// CHECK-NEXT: %0 = "axe.reshape"(%arg1) {shape = [16, 72]}
// CHECK-NEXT: %1 = "axe.transpose"(%0) {perm = array<i64: 1, 0>}
// CHECK-NEXT: %2 = "axe.reshape"(%1) {shape = [8, 3, 3, 16]}
// CHECK-NEXT: %3 = "axe.transpose"(%2) {perm = array<i64: 3, 0, 1, 2>}
// CHECK-NEXT: %4 = "axe.conv"(%arg0, %3)
// CHECK-NEXT: %5 = "axe.transpose"(%4) {perm = array<i64: 0, 2, 3, 1>}
// CHECK-NEXT: return %5
func.func @argument(%x: tensor<4x8x8x8xf32>, %w: tensor<16x8x3x3xf32>) -> tensor<4x6x6x16xf32> {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 0, 0>, array<i64: 0, 0>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<4x8x8x8xf32>, tensor<16x8x3x3xf32>) -> tensor<4x16x6x6xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 0, 2, 3, 1>} : (tensor<4x16x6x6xf32>) -> tensor<4x6x6x16xf32>
  return %1 : tensor<4x6x6x16xf32>
}

// Many filters for few positions are not worth it.
// CHECK-LABEL: @large(
// CHECK-NEXT: %0 = "axe.conv"(%arg0, %arg1)
// CHECK-NEXT: return %0
func.func @large(%x: tensor<1x256x7x7xf32>, %w: tensor<512x256x5x5xf32>) -> tensor<1x512x3x3xf32> {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 0, 0>, array<i64: 0, 0>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x256x7x7xf32>, tensor<512x256x5x5xf32>) -> tensor<1x512x3x3xf32>
  return %0 : tensor<1x512x3x3xf32>
}

// Rows of an image by their numbers: the gradient of maximum pooling reads windows so.
// CHECK-LABEL: @rows(
// CHECK: %[[LAST:.*]] = "axe.transpose"({{.*}}) {perm = array<i64: 0, 2, 3, 1>}
// CHECK-NEXT: %[[TAKEN:.*]] = "axe.take"(%[[LAST]], %arg2) {axis = 1 : i64}
// CHECK-NEXT: "axe.transpose"(%[[TAKEN]]) {perm = array<i64: 0, 3, 1, 2>}
func.func @rows(%x: tensor<4x8x8x8xf32>, %w: tensor<16x8x3x3xf32> {axe.weight = "w"}, %i: tensor<12xi32>) -> tensor<4x16x12x6xf32> {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 0, 0>, array<i64: 0, 0>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<4x8x8x8xf32>, tensor<16x8x3x3xf32>) -> tensor<4x16x6x6xf32>
  %1 = "axe.take"(%0, %i) {axis = 2 : i64} : (tensor<4x16x6x6xf32>, tensor<12xi32>) -> tensor<4x16x12x6xf32>
  return %1 : tensor<4x16x12x6xf32>
}

// A transposition of images that have their channels last: what follows stays in that order, too.
// CHECK-LABEL: @back(
// CHECK: %[[LAST:.*]] = "axe.transpose"({{.*}}) {perm = array<i64: 0, 2, 3, 1>}
// CHECK-NEXT: %[[SUM:.*]] = "axe.add"(%[[LAST]], %arg2)
// CHECK-NEXT: "axe.transpose"(%[[SUM]]) {perm = array<i64: 0, 3, 1, 2>}
func.func @back(%x: tensor<4x8x8x8xf32>, %w: tensor<16x8x3x3xf32> {axe.weight = "w"}, %y: tensor<4x6x6x16xf32>) -> tensor<4x16x6x6xf32> {
  %0 = "axe.conv"(%x, %w) {stride = array<i64: 1, 1>, padding = [array<i64: 0, 0>, array<i64: 0, 0>], dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<4x8x8x8xf32>, tensor<16x8x3x3xf32>) -> tensor<4x16x6x6xf32>
  %1 = "axe.transpose"(%y) {perm = array<i64: 0, 3, 1, 2>} : (tensor<4x6x6x16xf32>) -> tensor<4x16x6x6xf32>
  %2 = "axe.add"(%0, %1) : (tensor<4x16x6x6xf32>, tensor<4x16x6x6xf32>) -> tensor<4x16x6x6xf32>
  return %2 : tensor<4x16x6x6xf32>
}
