// RUN: axec opt %s | axec opt - | filecheck %s

// CHECK-LABEL: @take
func.func @take(%x: tensor<7x3xf32>, %i: tensor<2x?xi32, ["seq"]>) -> tensor<2x?x3xf32, ["seq"]> {
  // CHECK-NEXT: "axe.take"(%arg0, %arg1) {axis = 0 : i64} : (tensor<7x3xf32>, tensor<2x?xi32, ["seq"]>) -> tensor<2x?x3xf32, ["seq"]>
  %0 = "axe.take"(%x, %i) {axis = 0} : (tensor<7x3xf32>, tensor<2x?xi32, ["seq"]>) -> tensor<2x?x3xf32, ["seq"]>
  return %0 : tensor<2x?x3xf32, ["seq"]>
}

// CHECK-LABEL: @windows
func.func @windows(%x: tensor<?x5xf32, ["n"]>, %i: tensor<i64>) -> tensor<?x5xf32, ["n"]> {
  // CHECK-NEXT: "axe.dynamic_slice"(%arg0, %arg1, %arg1) {size = ["n", 2]} : (tensor<?x5xf32, ["n"]>, tensor<i64>, tensor<i64>) -> tensor<?x2xf32, ["n"]>
  %0 = "axe.dynamic_slice"(%x, %i, %i) {size = ["n", 2]} : (tensor<?x5xf32, ["n"]>, tensor<i64>, tensor<i64>) -> tensor<?x2xf32, ["n"]>
  // CHECK-NEXT: "axe.dynamic_update"(%arg0, %0, %arg1, %arg1)
  %1 = "axe.dynamic_update"(%x, %0, %i, %i) : (tensor<?x5xf32, ["n"]>, tensor<?x2xf32, ["n"]>, tensor<i64>, tensor<i64>) -> tensor<?x5xf32, ["n"]>
  return %1 : tensor<?x5xf32, ["n"]>
}

// The last of several updates of one place wins with set; the others join in order.
// CHECK-LABEL: @scatter
func.func @scatter(%x: tensor<7x3xf32>, %i: tensor<?xi32, ["seq"]>, %u: tensor<?x3xf32, ["seq"]>) -> tensor<7x3xf32> {
  // CHECK-NEXT: %0 = "axe.scatter"(%arg0, %arg1, %arg2) {axis = 0 : i64, kind = "set"} : (tensor<7x3xf32>, tensor<?xi32, ["seq"]>, tensor<?x3xf32, ["seq"]>) -> tensor<7x3xf32>
  %0 = "axe.scatter"(%x, %i, %u) {axis = 0, kind = "set"} : (tensor<7x3xf32>, tensor<?xi32, ["seq"]>, tensor<?x3xf32, ["seq"]>) -> tensor<7x3xf32>
  // CHECK-NEXT: "axe.scatter"(%0, %arg1, %arg2) {axis = 0 : i64, kind = "max"}
  %1 = "axe.scatter"(%0, %i, %u) {axis = 0, kind = "max"} : (tensor<7x3xf32>, tensor<?xi32, ["seq"]>, tensor<?x3xf32, ["seq"]>) -> tensor<7x3xf32>
  return %1 : tensor<7x3xf32>
}
