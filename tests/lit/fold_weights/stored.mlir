// RUN: axec opt --verify-each %s --pass fold_weights | filecheck %s
// Which values are stored: those that are no larger than the weights that they come from, and only
// where no more is stored than before.

// A weight that is only cast to a narrower dtype; its shape is changed in the program, for nothing.
// CHECK: func.func @cast(%arg0: tensor<4x6xbf16> {axe.recipe = ["cast0", "w"], axe.weight = "w.cast"})
// CHECK-NEXT: "axe.reshape"(%arg0)
func.func @cast(%w: tensor<4x6xf32> {axe.weight = "w"}) -> tensor<24xbf16> {
  %0 = "axe.cast"(%w) {dtype = bf16} : (tensor<4x6xf32>) -> tensor<4x6xbf16>
  %1 = "axe.reshape"(%0) {shape = [24]} : (tensor<4x6xbf16>) -> tensor<24xbf16>
  return %1 : tensor<24xbf16>
}

// Not what repeats or widens it: that is done in the program, on what is stored.
// CHECK: func.func @wide(%arg0: tensor<4xbf16> {axe.recipe = ["neg1", "w"], axe.weight = "w.neg"})
// CHECK-NEXT: "axe.cast"(%arg0) {dtype = f32}
// CHECK-NEXT: "axe.broadcast"
func.func @wide(%w: tensor<4xbf16> {axe.weight = "w"}) -> tensor<3x4xf32> {
  %0 = "axe.neg"(%w) : (tensor<4xbf16>) -> tensor<4xbf16>
  %1 = "axe.cast"(%0) {dtype = f32} : (tensor<4xbf16>) -> tensor<4xf32>
  %2 = "axe.broadcast"(%1) {axes = array<i64: 1>, shape = [3, 4]} : (tensor<4xf32>) -> tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}

// Not a second version of a large weight that is read as it is, but of a small one.
// CHECK: func.func @both(%arg0: tensor<2000xf32> {axe.weight = "large"}, %arg1: tensor<20xf32> {axe.weight = "small"}, %arg2: tensor<20xf32> {axe.recipe = ["neg2", "small"], axe.weight = "small.neg"})
// CHECK-NEXT: %0 = "axe.neg"(%arg0)
// CHECK-NEXT: return %0, %arg0, %arg2, %arg1
func.func @both(%large: tensor<2000xf32> {axe.weight = "large"}, %small: tensor<20xf32> {axe.weight = "small"}) -> (tensor<2000xf32>, tensor<2000xf32>, tensor<20xf32>, tensor<20xf32>) {
  %0 = "axe.neg"(%large) : (tensor<2000xf32>) -> tensor<2000xf32>
  %1 = "axe.neg"(%small) : (tensor<20xf32>) -> tensor<20xf32>
  return %0, %large, %1, %small : tensor<2000xf32>, tensor<2000xf32>, tensor<20xf32>, tensor<20xf32>
}

// Parts of a weight, which together are no more than it; equal recipes are one.
// CHECK: func.func @parts(%arg0: tensor<1000x2xf32> {axe.recipe = ["slice3", "w"], axe.weight = "w.slice"}, %arg1: tensor<1000x2xf32> {axe.recipe = ["slice4", "w"], axe.weight = "w.slice1"}, %arg2: tensor<1000x2xf32> {axe.recipe = ["slice3", "v"], axe.weight = "v.slice"})
func.func @parts(%w: tensor<1000x4xf32> {axe.weight = "w"}, %v: tensor<1000x4xf32> {axe.weight = "v"}) -> (tensor<1000x2xf32>, tensor<1000x2xf32>, tensor<1000x2xf32>) {
  %0 = "axe.slice"(%w) {start = [0, 0], stop = [1000, 2], step = array<i64: 1, 1>} : (tensor<1000x4xf32>) -> tensor<1000x2xf32>
  %1 = "axe.slice"(%w) {start = [0, 2], stop = [1000, 4], step = array<i64: 1, 1>} : (tensor<1000x4xf32>) -> tensor<1000x2xf32>
  %2 = "axe.slice"(%v) {start = [0, 0], stop = [1000, 2], step = array<i64: 1, 1>} : (tensor<1000x4xf32>) -> tensor<1000x2xf32>
  return %0, %1, %2 : tensor<1000x2xf32>, tensor<1000x2xf32>, tensor<1000x2xf32>
}

// Not exp, which is not the same to the bit on all machines, nor what inputs have a part in; a weight
// that nobody reads is gone.
// CHECK: func.func @others(%arg0: tensor<4xf32>, %arg1: tensor<4xf32> {axe.weight = "w"}) ->
func.func @others(%x: tensor<4xf32>, %w: tensor<4xf32> {axe.weight = "w"}, %unread: tensor<4xf32> {axe.weight = "unread"}) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = "axe.exp"(%w) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.add"(%x, %w) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
