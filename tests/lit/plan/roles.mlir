// RUN: axec opt %s --pass fuse --pass outline --pass plan | filecheck %s
// RUN(cmd): axec opt %s --pass fuse --pass outline --pass plan | filecheck %s
// Arguments are inputs or weights, by the function's attributes. Scratch of a kernel comes after its
// results; it is in use while the kernel runs and not longer.

// CHECK: "exec.program"() ({
// CHECK-NEXT: ^bb0(%arg0: !exec.buffer<tensor<?x600xf32, ["batch"]>>, %arg1: !exec.buffer<tensor<128x600xf32>>, %arg2: !exec.buffer<tensor<?x128xf32, ["batch"]>>):
// CHECK-NEXT: %0 = "exec.slice"() {offset = "{{.*}}"} : () -> !exec.buffer<tensor<
// CHECK-NEXT: "exec.launch"(%arg0, %arg1, %arg2, %0) {callee = @gemm_0, dims = ["batch"], grain = {{[0-9]+}} : i64, units = "{{.*}}"}
// CHECK-NEXT: "exec.return"()
// CHECK-NEXT: dims = {batch = [1, 64]}
// CHECK-SAME: roles = ["input:x", "weight:params.w", "output:y"], sym_name = "main"

func.func @main(%arg0: tensor<?x600xf32, ["batch"]> {axe.name = "x"}, %arg1: tensor<128x600xf32> {axe.weight = "params.w"}) -> (tensor<?x128xf32, ["batch"]> {axe.name = "y"}) attributes {axe.dims = {batch = [1, 64]}} {
  %0 = "axe.dot_general"(%arg0, %arg1) {batch_x = array<i64>, batch_y = array<i64>, contract_x = array<i64: 1>, contract_y = array<i64: 1>} : (tensor<?x600xf32, ["batch"]>, tensor<128x600xf32>) -> tensor<?x128xf32, ["batch"]>
  return %0 : tensor<?x128xf32, ["batch"]>
}
