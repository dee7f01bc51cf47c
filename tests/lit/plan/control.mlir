// RUN: axec opt %s --pass fuse --pass outline --pass schedule --pass plan | filecheck %s
// Loops and branches become regions that read and write the buffers around them; bodies are taken in.

// Branches write straight to where the result lies.
func.func private @plus(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.add"(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func private @exp(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.exp"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @branches(%n: tensor<i32>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "control.switch"(%n, %x) {branches = [@plus, @exp]} : (tensor<i32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// CHECK: "exec.switch"(%arg0) ({
// CHECK-NEXT: "exec.launch"(%arg1, %arg2) {callee = @map_add_0
// CHECK-NEXT: "exec.yield"
// CHECK-NEXT: }, {
// CHECK-NEXT: "exec.launch"(%arg1, %arg2) {callee = @map_exp_0
// CHECK: arena_bytes = "0"{{.*}} sym_name = "branches", table_bytes = 0

// The carry is read by a window, element by element of others: it needs two slots, 64 bytes apart,
// that take turns. ys and xs are slices that go downwards here; the carry at the end lies in the slot
// of the parity of T. The head of the arena holds the counter and what follows from it.
func.func private @smooth(%i: tensor<i64>, %c: tensor<10xf32>, %x: tensor<10xf32>) -> (tensor<10xf32>, tensor<10xf32>) {
  %0 = "axe.window"(%c) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 0>], size = array<i64: 2>, stride = array<i64: 1>} : (tensor<10xf32>) -> tensor<10xf32>
  %1 = "axe.mul"(%x, %x) : (tensor<10xf32>, tensor<10xf32>) -> tensor<10xf32>
  return %0, %1 : tensor<10xf32>, tensor<10xf32>
}
func.func @two_slots(%c: tensor<10xf32>, %xs: tensor<?x10xf32, ["T"]>) -> (tensor<10xf32>, tensor<?x10xf32, ["T"]>) attributes {axe.dims = {T = [0, 9]}} {
  %0:2 = "control.scan"(%c, %xs) {body = @smooth, carries = 1 : i64, length = "T", reverse = true, xs = 1 : i64} : (tensor<10xf32>, tensor<?x10xf32, ["T"]>) -> (tensor<10xf32>, tensor<?x10xf32, ["T"]>)
  return %0#0, %0#1 : tensor<10xf32>, tensor<?x10xf32, ["T"]>
}
// CHECK: "exec.copy"(%arg0, %0)
// CHECK-NEXT: "exec.loop"() ({
// CHECK-NEXT: ^bb0(%arg4: !exec.buffer<tensor<i64>>):
// CHECK: "exec.slice"() {offset = "-128*floordiv(k0, 2) + 64*k0 + [[BASE:[0-9]+]]"}
// CHECK: "exec.slice"() {offset = "128*floordiv(k0, 2) - 64*k0 + {{[0-9]+}}"}
// CHECK: "exec.slice"(%arg1) {offset = "40*T - 40*k0 - 40"}
// CHECK: "exec.slice"(%arg3) {offset = "40*T - 40*k0 - 40"}
// CHECK: }) {counter = "k0", index = "T - k0 - 1", trip = "T"}
// CHECK-NEXT: %1 = "exec.slice"() {offset = "64*T - 128*floordiv(T, 2) + [[BASE]]"}
// CHECK-NEXT: "exec.copy"(%1, %arg2)
// CHECK: flops = "30*T"

// The next carry comes after the last reader of this one: one slot, which is the result itself.
func.func private @last(%i: tensor<i64>, %c: tensor<8xf32>) -> tensor<8xf32> {
  %0 = "axe.reduce"(%c) {axes = array<i64: 0>, kind = "sum"} : (tensor<8xf32>) -> tensor<f32>
  %1 = "axe.window"(%0) {dilation = array<i64>, kind = "sum", padding = [], size = array<i64>, stride = array<i64>} : (tensor<f32>) -> tensor<f32>
  %2 = "axe.broadcast"(%1) {axes = array<i64>, shape = [8]} : (tensor<f32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}
func.func @one_slot(%c: tensor<8xf32>) -> tensor<8xf32> {
  %0 = "control.scan"(%c) {body = @last, carries = 1 : i64, length = "5", reverse = false, xs = 0 : i64} : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
// CHECK: "exec.copy"(%arg0, %arg1)
// CHECK: "exec.loop"() ({
// CHECK: "exec.launch"(%arg1, %{{[0-9]+}}) {callee = @row_reduce_0
// CHECK: "exec.launch"(%{{[0-9]+}}, %arg1)
// CHECK-NEXT: "exec.yield"
// CHECK-NEXT: }) {counter = "k0", index = "k0", trip = "5"}
// CHECK-NEXT: "exec.return"

// A while tests before every turn. Which slot holds its carry at the end is known in the last turn
// only: the third region puts it in its place.
func.func private @small(%x: tensor<10xf32>) -> tensor<i1> {
  %0 = "axe.reduce"(%x) {axes = array<i64: 0>, kind = "sum"} : (tensor<10xf32>) -> tensor<f32>
  %1 = "axe.constant"() {value = dense<100.0> : tensor<f32>} : () -> tensor<f32>
  %2 = "axe.compare"(%0, %1) {direction = "lt"} : (tensor<f32>, tensor<f32>) -> tensor<i1>
  return %2 : tensor<i1>
}
func.func private @grow(%x: tensor<10xf32>) -> tensor<10xf32> {
  %0 = "axe.window"(%x) {dilation = array<i64: 1>, kind = "sum", padding = [array<i64: 1, 0>], size = array<i64: 2>, stride = array<i64: 1>} : (tensor<10xf32>) -> tensor<10xf32>
  return %0 : tensor<10xf32>
}
func.func @until(%x: tensor<10xf32>) -> tensor<10xf32> {
  %0 = "control.while"(%x) {body = @grow, carries = 1 : i64, condition = @small} : (tensor<10xf32>) -> tensor<10xf32>
  return %0 : tensor<10xf32>
}
// CHECK: "exec.while"() ({
// CHECK: "exec.test"(%{{[0-9]+}})
// CHECK-NEXT: }, {
// CHECK: "exec.launch"
// CHECK-NEXT: "exec.yield"
// CHECK-NEXT: }, {
// CHECK-NEXT: %[[LAST:[0-9]+]] = "exec.slice"()
// CHECK-NEXT: "exec.copy"(%[[LAST]], %arg1)
// CHECK-NEXT: "exec.yield"
// CHECK-NEXT: }) {counter = "k0"}
