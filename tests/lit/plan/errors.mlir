// RUN: not axec opt --split-input-file %s --pass plan 2>&1 | filecheck %s
// What the planner refuses, with the place.

// CHECK: error[plan-result]: result 0 is an argument or another result: run `fuse` first
func.func @argument(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// CHECK: error[plan-order]: axe.exp is no kernel: run `fuse` and `outline` first
func.func @op(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.exp"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// CHECK: error[dim-unbound]: dim n has no range in the function's `axe.dims`
func.func @range(%x: tensor<?xf32, ["n"]>) {
  return
}
