// RUN: axec opt %s | axec opt - | filecheck %s

// CHECK-LABEL: @along
func.func @along(%x: tensor<?x3xbf16, ["n"]>) -> (tensor<?x3xbf16, ["n"]>, tensor<?x3xi64, ["n"]>) {
  // CHECK-NEXT: "axe.cumulate"(%arg0) {axis = 0 : i64, kind = "prod"} : (tensor<?x3xbf16, ["n"]>) -> tensor<?x3xbf16, ["n"]>
  %0 = "axe.cumulate"(%x) {axis = 0 : i64, kind = "prod"} : (tensor<?x3xbf16, ["n"]>) -> tensor<?x3xbf16, ["n"]>
  // CHECK-NEXT: "axe.argsort"(%0) {descending = true} : (tensor<?x3xbf16, ["n"]>) -> tensor<?x3xi64, ["n"]>
  %1 = "axe.argsort"(%0) {descending = true} : (tensor<?x3xbf16, ["n"]>) -> tensor<?x3xi64, ["n"]>
  // CHECK-NEXT: "axe.top"(%0) {k = 2 : i64} : (tensor<?x3xbf16, ["n"]>) -> tensor<?x2xi64, ["n"]>
  %2 = "axe.top"(%0) {k = 2 : i64} : (tensor<?x3xbf16, ["n"]>) -> tensor<?x2xi64, ["n"]>
  return %0, %1 : tensor<?x3xbf16, ["n"]>, tensor<?x3xi64, ["n"]>
}
