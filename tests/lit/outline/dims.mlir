// RUN: axec opt %s --pass fuse --pass outline | filecheck %s
// A kernel's dims are those of its own types and attributes; a call gives the caller's expressions.

// CHECK: "kernel.define"() ({
// CHECK-NEXT: ^bb0(
// CHECK-NEXT: %0 = "axe.slice"(%arg0) {start = [0, "d1"], step = array<i64: 1, 1>, stop = ["d0", "2*d1"]}
// CHECK-NEXT: %1 = "axe.reduce"(%0) {axes = array<i64: 0>, kind = "sum"}
// CHECK-NEXT: "kernel.yield"(%1)
// CHECK-NEXT: }) {bytes = "4*d0*d1 + 4*d1", dims = ["d0", "d1"], flops = "d0*d1", sym_name = "reduce_slice_0", template = "reduce", units = "floordiv(d1 + 127, 128)", workspace = []}
// CHECK-LABEL: func.func @sums(
// CHECK-NEXT: %0 = "kernel.call"(%arg0) {callee = @reduce_slice_0, dims = ["rows", "half"]}
// CHECK-NEXT: return %0

func.func @sums(%arg0: tensor<?x?xf32, ["rows", "2*half"]>, %arg1: tensor<?xf32, ["half"]>) -> tensor<?xf32, ["half"]> {
  %0 = "axe.slice"(%arg0) {start = [0, "half"], step = array<i64: 1, 1>, stop = ["rows", "2*half"]} : (tensor<?x?xf32, ["rows", "2*half"]>) -> tensor<?x?xf32, ["rows", "half"]>
  %1 = "axe.reduce"(%0) {axes = array<i64: 0>, kind = "sum"} : (tensor<?x?xf32, ["rows", "half"]>) -> tensor<?xf32, ["half"]>
  return %1 : tensor<?xf32, ["half"]>
}
