// RUN: axec opt %s | axec opt - | filecheck %s

// CHECK-LABEL: @shapes
func.func @shapes(%x: tensor<?x6xf32, ["n"]>) -> tensor<2x4x?x3xf32, ["n"]> {
  // CHECK-NEXT: "axe.reshape"(%arg0) {shape = ["n", 3, 2]} : (tensor<?x6xf32, ["n"]>) -> tensor<?x3x2xf32, ["n"]>
  %0 = "axe.reshape"(%x) {shape = ["n", 3, 2]} : (tensor<?x6xf32, ["n"]>) -> tensor<?x3x2xf32, ["n"]>
  // CHECK-NEXT: "axe.transpose"(%0) {perm = array<i64: 2, 0, 1>} : (tensor<?x3x2xf32, ["n"]>) -> tensor<2x?x3xf32, ["n"]>
  %1 = "axe.transpose"(%0) {perm = array<i64: 2, 0, 1>} : (tensor<?x3x2xf32, ["n"]>) -> tensor<2x?x3xf32, ["n"]>
  // CHECK-NEXT: "axe.broadcast"(%1) {axes = array<i64: 0, 2, 3>, shape = [2, 4, "n", 3]}
  %2 = "axe.broadcast"(%1) {axes = array<i64: 0, 2, 3>, shape = [2, 4, "n", 3]} : (tensor<2x?x3xf32, ["n"]>) -> tensor<2x4x?x3xf32, ["n"]>
  return %2 : tensor<2x4x?x3xf32, ["n"]>
}

// CHECK-LABEL: @parts
func.func @parts(%x: tensor<?xf32, ["n"]>, %v: tensor<f32>) -> tensor<?xf32, ["floordiv(n, 2) + n + 3"]> {
  // CHECK-NEXT: "axe.slice"(%arg0) {start = [1], step = array<i64: 2>, stop = ["n"]} : (tensor<?xf32, ["n"]>) -> tensor<?xf32, ["floordiv(n, 2)"]>
  %0 = "axe.slice"(%x) {start = [1], stop = ["n"], step = array<i64: 2>} : (tensor<?xf32, ["n"]>) -> tensor<?xf32, ["floordiv(n, 2)"]>
  // CHECK-NEXT: "axe.reverse"(%arg0) {axes = array<i64: 0>}
  %1 = "axe.reverse"(%x) {axes = array<i64: 0>} : (tensor<?xf32, ["n"]>) -> tensor<?xf32, ["n"]>
  // CHECK-NEXT: "axe.pad"(%1, %arg1) {high = array<i64: 2>, low = array<i64: 1>} : (tensor<?xf32, ["n"]>, tensor<f32>) -> tensor<?xf32, ["n + 3"]>
  %2 = "axe.pad"(%1, %v) {low = array<i64: 1>, high = array<i64: 2>} : (tensor<?xf32, ["n"]>, tensor<f32>) -> tensor<?xf32, ["n + 3"]>
  // CHECK-NEXT: "axe.concat"(%2, %0) {axis = 0 : i64}
  %3 = "axe.concat"(%2, %0) {axis = 0} : (tensor<?xf32, ["n + 3"]>, tensor<?xf32, ["floordiv(n, 2)"]>) -> tensor<?xf32, ["floordiv(n, 2) + n + 3"]>
  return %3 : tensor<?xf32, ["floordiv(n, 2) + n + 3"]>
}
