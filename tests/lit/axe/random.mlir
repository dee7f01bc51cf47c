// RUN: axec opt %s | axec opt - | filecheck %s

// CHECK-LABEL: @draw
func.func @draw(%key: tensor<?xi64, ["n"]>, %counter: tensor<?xi64, ["n"]>) -> tensor<?xi64, ["n"]> {
  // CHECK-NEXT: "axe.random_bits"(%arg0, %arg1) : (tensor<?xi64, ["n"]>, tensor<?xi64, ["n"]>) -> tensor<?xi64, ["n"]>
  %0 = "axe.random_bits"(%key, %counter) : (tensor<?xi64, ["n"]>, tensor<?xi64, ["n"]>) -> tensor<?xi64, ["n"]>
  return %0 : tensor<?xi64, ["n"]>
}
