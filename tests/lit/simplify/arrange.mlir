// RUN: axec opt %s --pass simplify | filecheck %s
// Rules of ops that move elements.

// RULE: reshape(constant number) => constant number, other arrangements too
// CHECK-LABEL: @arranged_number(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n", 1]}
// CHECK-NEXT: %2 = "axe.add"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @arranged_number(%arg0: tensor<?x1xf32, ["n"]>) -> tensor<?x1xf32, ["n"]> {
  %0 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n", 1]} : (tensor<f32>) -> tensor<?x1xf32, ["n"]>
  %2 = "axe.reshape"(%1) {shape = [1, "n"]} : (tensor<?x1xf32, ["n"]>) -> tensor<1x?xf32, ["n"]>
  %3 = "axe.transpose"(%2) {perm = array<i64: 1, 0>} : (tensor<1x?xf32, ["n"]>) -> tensor<?x1xf32, ["n"]>
  %4 = "axe.add"(%arg0, %3) : (tensor<?x1xf32, ["n"]>, tensor<?x1xf32, ["n"]>) -> tensor<?x1xf32, ["n"]>
  return %4 : tensor<?x1xf32, ["n"]>
}

// CHECK-LABEL: @arranged_number_miss(
// CHECK-NEXT: %0 = "axe.reverse"(%arg0) {axes = array<i64: 0>}
// CHECK-NEXT: return %0
func.func @arranged_number_miss(%arg0: tensor<?x1xf32, ["n"]>) -> tensor<?x1xf32, ["n"]> {
  %0 = "axe.reverse"(%arg0) {axes = array<i64: 0>} : (tensor<?x1xf32, ["n"]>) -> tensor<?x1xf32, ["n"]>
  return %0 : tensor<?x1xf32, ["n"]>
}

// RULE: pad(c, c) => c, concat(c, c) => c, c one constant number
// CHECK-LABEL: @padded_number(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n + 2"]}
// CHECK-NEXT: %2 = "axe.add"(%arg1, %1)
// CHECK-NEXT: return %2
func.func @padded_number(%arg0: tensor<?xf32, ["n"]>, %arg1: tensor<?xf32, ["n + 2"]>) -> tensor<?xf32, ["n + 2"]> {
  %0 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n"]} : (tensor<f32>) -> tensor<?xf32, ["n"]>
  %2 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %3 = "axe.pad"(%1, %2) {high = array<i64: 1>, low = array<i64: 1>} : (tensor<?xf32, ["n"]>, tensor<f32>) -> tensor<?xf32, ["n + 2"]>
  %4 = "axe.add"(%arg1, %3) : (tensor<?xf32, ["n + 2"]>, tensor<?xf32, ["n + 2"]>) -> tensor<?xf32, ["n + 2"]>
  return %4 : tensor<?xf32, ["n + 2"]>
}

// CHECK-LABEL: @padded_number_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n"]}
// CHECK-NEXT: %2 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %3 = "axe.pad"(%1, %2) {high = array<i64: 1>, low = array<i64: 1>}
// CHECK-NEXT: %4 = "axe.add"(%arg1, %3)
// CHECK-NEXT: return %4
func.func @padded_number_miss(%arg0: tensor<?xf32, ["n"]>, %arg1: tensor<?xf32, ["n + 2"]>) -> tensor<?xf32, ["n + 2"]> {
  %0 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = ["n"]} : (tensor<f32>) -> tensor<?xf32, ["n"]>
  %2 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %3 = "axe.pad"(%1, %2) {high = array<i64: 1>, low = array<i64: 1>} : (tensor<?xf32, ["n"]>, tensor<f32>) -> tensor<?xf32, ["n + 2"]>
  %4 = "axe.add"(%arg1, %3) : (tensor<?xf32, ["n + 2"]>, tensor<?xf32, ["n + 2"]>) -> tensor<?xf32, ["n + 2"]>
  return %4 : tensor<?xf32, ["n + 2"]>
}

// RULE: reshape(x) to its own shape => x
// CHECK-LABEL: @reshape_same(
// CHECK-NEXT: return %arg0
func.func @reshape_same(%arg0: tensor<?x3xf32, ["n"]>) -> tensor<?x3xf32, ["n"]> {
  %0 = "axe.reshape"(%arg0) {shape = ["n", 3]} : (tensor<?x3xf32, ["n"]>) -> tensor<?x3xf32, ["n"]>
  return %0 : tensor<?x3xf32, ["n"]>
}

// CHECK-LABEL: @reshape_same_miss(
// CHECK-NEXT: %0 = "axe.reshape"(%arg0) {shape = [3, "n"]}
// CHECK-NEXT: return %0
func.func @reshape_same_miss(%arg0: tensor<?x3xf32, ["n"]>) -> tensor<3x?xf32, ["n"]> {
  %0 = "axe.reshape"(%arg0) {shape = [3, "n"]} : (tensor<?x3xf32, ["n"]>) -> tensor<3x?xf32, ["n"]>
  return %0 : tensor<3x?xf32, ["n"]>
}

// RULE: transpose(x, identity) => x
// CHECK-LABEL: @transpose_identity(
// CHECK-NEXT: return %arg0
func.func @transpose_identity(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: @transpose_identity_miss(
// CHECK-NEXT: %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0>}
// CHECK-NEXT: return %0
func.func @transpose_identity_miss(%arg0: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// RULE: slice(x) of all of x => x
// CHECK-LABEL: @slice_all(
// CHECK-NEXT: return %arg0
func.func @slice_all(%arg0: tensor<?x3xf32, ["n"]>) -> tensor<?x3xf32, ["n"]> {
  %0 = "axe.slice"(%arg0) {start = [0, 0], step = array<i64: 1, 1>, stop = ["n", 3]} : (tensor<?x3xf32, ["n"]>) -> tensor<?x3xf32, ["n"]>
  return %0 : tensor<?x3xf32, ["n"]>
}

// CHECK-LABEL: @slice_all_miss(
// CHECK-NEXT: %0 = "axe.slice"(%arg0) {start = [0, 1], step = array<i64: 1, 1>, stop = ["n", 3]}
// CHECK-NEXT: return %0
func.func @slice_all_miss(%arg0: tensor<?x3xf32, ["n"]>) -> tensor<?x2xf32, ["n"]> {
  %0 = "axe.slice"(%arg0) {start = [0, 1], step = array<i64: 1, 1>, stop = ["n", 3]} : (tensor<?x3xf32, ["n"]>) -> tensor<?x2xf32, ["n"]>
  return %0 : tensor<?x2xf32, ["n"]>
}

// RULE: dynamic_slice(x) of all of x => x
// CHECK-LABEL: @dynamic_slice_all(
// CHECK-NEXT: return %arg0
func.func @dynamic_slice_all(%arg0: tensor<4xf32>, %arg1: tensor<i32>) -> tensor<4xf32> {
  %0 = "axe.dynamic_slice"(%arg0, %arg1) {size = [4]} : (tensor<4xf32>, tensor<i32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: @dynamic_slice_all_miss(
// CHECK-NEXT: %0 = "axe.dynamic_slice"(%arg0, %arg1) {size = [3]}
// CHECK-NEXT: return %0
func.func @dynamic_slice_all_miss(%arg0: tensor<4xf32>, %arg1: tensor<i32>) -> tensor<3xf32> {
  %0 = "axe.dynamic_slice"(%arg0, %arg1) {size = [3]} : (tensor<4xf32>, tensor<i32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// RULE: dynamic_update(x, y) of all of x => y
// CHECK-LABEL: @dynamic_update_all(
// CHECK-NEXT: return %arg1
func.func @dynamic_update_all(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>, %arg2: tensor<i32>) -> tensor<4xf32> {
  %0 = "axe.dynamic_update"(%arg0, %arg1, %arg2) : (tensor<4xf32>, tensor<4xf32>, tensor<i32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: @dynamic_update_all_miss(
// CHECK-NEXT: %0 = "axe.dynamic_update"(%arg0, %arg1, %arg2)
// CHECK-NEXT: return %0
func.func @dynamic_update_all_miss(%arg0: tensor<4xf32>, %arg1: tensor<3xf32>, %arg2: tensor<i32>) -> tensor<4xf32> {
  %0 = "axe.dynamic_update"(%arg0, %arg1, %arg2) : (tensor<4xf32>, tensor<3xf32>, tensor<i32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// RULE: reverse(x) along axes of size 1 => x
// CHECK-LABEL: @reverse_one(
// CHECK-NEXT: return %arg0
func.func @reverse_one(%arg0: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %0 = "axe.reverse"(%arg0) {axes = array<i64: 0>} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}

// CHECK-LABEL: @reverse_one_miss(
// CHECK-NEXT: %0 = "axe.reverse"(%arg0) {axes = array<i64: 0, 1>}
// CHECK-NEXT: return %0
func.func @reverse_one_miss(%arg0: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %0 = "axe.reverse"(%arg0) {axes = array<i64: 0, 1>} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}

// RULE: pad(x) by nothing => x
// CHECK-LABEL: @pad_nothing(
// CHECK-NEXT: return %arg0
func.func @pad_nothing(%arg0: tensor<4xf32>, %arg1: tensor<f32>) -> tensor<4xf32> {
  %0 = "axe.pad"(%arg0, %arg1) {high = array<i64: 0>, low = array<i64: 0>} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: @pad_nothing_miss(
// CHECK-NEXT: %0 = "axe.pad"(%arg0, %arg1) {high = array<i64: 1>, low = array<i64: 0>}
// CHECK-NEXT: return %0
func.func @pad_nothing_miss(%arg0: tensor<4xf32>, %arg1: tensor<f32>) -> tensor<5xf32> {
  %0 = "axe.pad"(%arg0, %arg1) {high = array<i64: 1>, low = array<i64: 0>} : (tensor<4xf32>, tensor<f32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// RULE: concat(x, empty) => x
// CHECK-LABEL: @concat_empty(
// CHECK-NEXT: return %arg0
func.func @concat_empty(%arg0: tensor<4xf32>, %arg1: tensor<0xf32>) -> tensor<4xf32> {
  %0 = "axe.concat"(%arg1, %arg0) {axis = 0 : i64} : (tensor<0xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: @concat_empty_miss(
// CHECK-NEXT: %0 = "axe.concat"(%arg1, %arg0) {axis = 0 : i64}
// CHECK-NEXT: return %0
func.func @concat_empty_miss(%arg0: tensor<4xf32>, %arg1: tensor<1xf32>) -> tensor<5xf32> {
  %0 = "axe.concat"(%arg1, %arg0) {axis = 0 : i64} : (tensor<1xf32>, tensor<4xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// RULE: reshape(reshape(x)) => reshape(x)
// CHECK-LABEL: @reshape_reshape(
// CHECK-NEXT: %0 = "axe.reshape"(%arg0) {shape = [4, 3]}
// CHECK-NEXT: return %0
func.func @reshape_reshape(%arg0: tensor<2x6xf32>) -> tensor<4x3xf32> {
  %0 = "axe.reshape"(%arg0) {shape = [12]} : (tensor<2x6xf32>) -> tensor<12xf32>
  %1 = "axe.reshape"(%0) {shape = [4, 3]} : (tensor<12xf32>) -> tensor<4x3xf32>
  return %1 : tensor<4x3xf32>
}

// CHECK-LABEL: @reshape_reshape_miss(
// CHECK-NEXT: %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0>}
// CHECK-NEXT: %1 = "axe.reshape"(%0) {shape = [12]}
// CHECK-NEXT: return %1
func.func @reshape_reshape_miss(%arg0: tensor<2x6xf32>) -> tensor<12xf32> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0>} : (tensor<2x6xf32>) -> tensor<6x2xf32>
  %1 = "axe.reshape"(%0) {shape = [12]} : (tensor<6x2xf32>) -> tensor<12xf32>
  return %1 : tensor<12xf32>
}

// RULE: transpose(transpose(x)) => transpose(x)
// CHECK-LABEL: @transpose_transpose(
// CHECK-NEXT: %0 = "axe.transpose"(%arg0) {perm = array<i64: 2, 0, 1>}
// CHECK-NEXT: return %0
func.func @transpose_transpose(%arg0: tensor<2x3x5xf32>) -> tensor<5x2x3xf32> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 2, 0>} : (tensor<2x3x5xf32>) -> tensor<3x5x2xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 1, 2, 0>} : (tensor<3x5x2xf32>) -> tensor<5x2x3xf32>
  return %1 : tensor<5x2x3xf32>
}

// CHECK-LABEL: @transpose_transpose_miss(
// CHECK-NEXT: %0 = "axe.reverse"(%arg0) {axes = array<i64: 0>}
// CHECK-NEXT: %1 = "axe.transpose"(%0) {perm = array<i64: 1, 2, 0>}
// CHECK-NEXT: return %1
func.func @transpose_transpose_miss(%arg0: tensor<2x3x5xf32>) -> tensor<3x5x2xf32> {
  %0 = "axe.reverse"(%arg0) {axes = array<i64: 0>} : (tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 1, 2, 0>} : (tensor<2x3x5xf32>) -> tensor<3x5x2xf32>
  return %1 : tensor<3x5x2xf32>
}

// RULE: transpose(x) that moves axes of size 1 only => reshape(x)
// CHECK-LABEL: @transpose_ones(
// CHECK-NEXT: %0 = "axe.reshape"(%arg0) {shape = ["n", 1, 3]}
// CHECK-NEXT: return %0
func.func @transpose_ones(%arg0: tensor<1x?x3xf32, ["n"]>) -> tensor<?x1x3xf32, ["n"]> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0, 2>} : (tensor<1x?x3xf32, ["n"]>) -> tensor<?x1x3xf32, ["n"]>
  return %0 : tensor<?x1x3xf32, ["n"]>
}

// CHECK-LABEL: @transpose_ones_miss(
// CHECK-NEXT: %0 = "axe.transpose"(%arg0) {perm = array<i64: 2, 0, 1>}
// CHECK-NEXT: return %0
func.func @transpose_ones_miss(%arg0: tensor<1x?x3xf32, ["n"]>) -> tensor<3x1x?xf32, ["n"]> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 2, 0, 1>} : (tensor<1x?x3xf32, ["n"]>) -> tensor<3x1x?xf32, ["n"]>
  return %0 : tensor<3x1x?xf32, ["n"]>
}

// RULE: broadcast(x) that repeats nothing and keeps the order => reshape(x)
// CHECK-LABEL: @broadcast_once(
// CHECK-NEXT: %0 = "axe.reshape"(%arg0) {shape = [2, 1, 3]}
// CHECK-NEXT: return %0
func.func @broadcast_once(%arg0: tensor<2x3xf32>) -> tensor<2x1x3xf32> {
  %0 = "axe.broadcast"(%arg0) {axes = array<i64: 0, 2>, shape = [2, 1, 3]} : (tensor<2x3xf32>) -> tensor<2x1x3xf32>
  return %0 : tensor<2x1x3xf32>
}

// CHECK-LABEL: @broadcast_once_miss(
// CHECK-NEXT: %0 = "axe.broadcast"(%arg0) {axes = array<i64: 2, 0>, shape = [3, 1, 2]}
// CHECK-NEXT: return %0
func.func @broadcast_once_miss(%arg0: tensor<2x3xf32>) -> tensor<3x1x2xf32> {
  %0 = "axe.broadcast"(%arg0) {axes = array<i64: 2, 0>, shape = [3, 1, 2]} : (tensor<2x3xf32>) -> tensor<3x1x2xf32>
  return %0 : tensor<3x1x2xf32>
}

// As many elements, but each is repeated three times.
// CHECK-LABEL: @broadcast_none_miss(
// CHECK-NEXT: %0 = "axe.broadcast"(%arg0) {axes = array<i64: 0>, shape = [0, 3]}
// CHECK-NEXT: return %0
func.func @broadcast_none_miss(%arg0: tensor<0xf32>) -> tensor<0x3xf32> {
  %0 = "axe.broadcast"(%arg0) {axes = array<i64: 0>, shape = [0, 3]} : (tensor<0xf32>) -> tensor<0x3xf32>
  return %0 : tensor<0x3xf32>
}

// RULE: broadcast(broadcast(x)) => broadcast(x)
// CHECK-LABEL: @broadcast_broadcast(
// CHECK-NEXT: %0 = "axe.broadcast"(%arg0) {axes = array<i64: 2>, shape = [4, 2, 3]}
// CHECK-NEXT: return %0
func.func @broadcast_broadcast(%arg0: tensor<3xf32>) -> tensor<4x2x3xf32> {
  %0 = "axe.broadcast"(%arg0) {axes = array<i64: 1>, shape = [2, 3]} : (tensor<3xf32>) -> tensor<2x3xf32>
  %1 = "axe.broadcast"(%0) {axes = array<i64: 1, 2>, shape = [4, 2, 3]} : (tensor<2x3xf32>) -> tensor<4x2x3xf32>
  return %1 : tensor<4x2x3xf32>
}

// CHECK-LABEL: @broadcast_broadcast_miss(
// CHECK-NEXT: %0 = "axe.exp"(%arg0)
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64: 1>, shape = [2, 3]}
// CHECK-NEXT: return %1
func.func @broadcast_broadcast_miss(%arg0: tensor<3xf32>) -> tensor<2x3xf32> {
  %0 = "axe.exp"(%arg0) : (tensor<3xf32>) -> tensor<3xf32>
  %1 = "axe.broadcast"(%0) {axes = array<i64: 1>, shape = [2, 3]} : (tensor<3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// RULE: broadcast(reshape(x)) => broadcast(x), the reshape adding or dropping axes of size 1
// CHECK-LABEL: @broadcast_reshape(
// CHECK-NEXT: %0 = "axe.broadcast"(%arg0) {axes = array<i64: 0>, shape = [4, 5]}
// CHECK-NEXT: return %0
func.func @broadcast_reshape(%arg0: tensor<4xf32>) -> tensor<4x5xf32> {
  %0 = "axe.reshape"(%arg0) {shape = [4, 1]} : (tensor<4xf32>) -> tensor<4x1xf32>
  %1 = "axe.broadcast"(%0) {axes = array<i64: 0, 1>, shape = [4, 5]} : (tensor<4x1xf32>) -> tensor<4x5xf32>
  return %1 : tensor<4x5xf32>
}

// CHECK-LABEL: @broadcast_reshape_miss(
// CHECK-NEXT: %0 = "axe.reshape"(%arg0) {shape = [2, 2]}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64: 0, 1>, shape = [2, 2, 5]}
// CHECK-NEXT: return %1
func.func @broadcast_reshape_miss(%arg0: tensor<4xf32>) -> tensor<2x2x5xf32> {
  %0 = "axe.reshape"(%arg0) {shape = [2, 2]} : (tensor<4xf32>) -> tensor<2x2xf32>
  %1 = "axe.broadcast"(%0) {axes = array<i64: 0, 1>, shape = [2, 2, 5]} : (tensor<2x2xf32>) -> tensor<2x2x5xf32>
  return %1 : tensor<2x2x5xf32>
}

// RULE: broadcast(transpose(x)) => broadcast(x)
// CHECK-LABEL: @broadcast_transpose(
// CHECK-NEXT: %0 = "axe.broadcast"(%arg0) {axes = array<i64: 2, 1>, shape = [4, 3, 2]}
// CHECK-NEXT: return %0
func.func @broadcast_transpose(%arg0: tensor<2x3xf32>) -> tensor<4x3x2xf32> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %1 = "axe.broadcast"(%0) {axes = array<i64: 1, 2>, shape = [4, 3, 2]} : (tensor<3x2xf32>) -> tensor<4x3x2xf32>
  return %1 : tensor<4x3x2xf32>
}

// CHECK-LABEL: @broadcast_transpose_miss(
// CHECK-NEXT: %0 = "axe.reverse"(%arg0) {axes = array<i64: 0>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64: 1, 2>, shape = [4, 2, 3]}
// CHECK-NEXT: return %1
func.func @broadcast_transpose_miss(%arg0: tensor<2x3xf32>) -> tensor<4x2x3xf32> {
  %0 = "axe.reverse"(%arg0) {axes = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "axe.broadcast"(%0) {axes = array<i64: 1, 2>, shape = [4, 2, 3]} : (tensor<2x3xf32>) -> tensor<4x2x3xf32>
  return %1 : tensor<4x2x3xf32>
}

// RULE: transpose(broadcast(x)) => broadcast(x)
// CHECK-LABEL: @transpose_broadcast(
// CHECK-NEXT: %0 = "axe.broadcast"(%arg0) {axes = array<i64: 0>, shape = [3, 2]}
// CHECK-NEXT: return %0
func.func @transpose_broadcast(%arg0: tensor<3xf32>) -> tensor<3x2xf32> {
  %0 = "axe.broadcast"(%arg0) {axes = array<i64: 1>, shape = [2, 3]} : (tensor<3xf32>) -> tensor<2x3xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}

// CHECK-LABEL: @transpose_broadcast_miss(
// CHECK-NEXT: %0 = "axe.broadcast"(%arg0) {axes = array<i64: 1>, shape = [2, 3]}
// CHECK-NEXT: return %0
func.func @transpose_broadcast_miss(%arg0: tensor<3xf32>) -> tensor<2x3xf32> {
  %0 = "axe.broadcast"(%arg0) {axes = array<i64: 1>, shape = [2, 3]} : (tensor<3xf32>) -> tensor<2x3xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// RULE: slice(slice(x)) => slice(x)
// CHECK-LABEL: @slice_slice(
// CHECK-NEXT: %0 = "axe.slice"(%arg0) {start = [5], step = array<i64: 6>, stop = [18]}
// CHECK-NEXT: return %0
func.func @slice_slice(%arg0: tensor<20xf32>) -> tensor<3xf32> {
  %0 = "axe.slice"(%arg0) {start = [2], step = array<i64: 3>, stop = [20]} : (tensor<20xf32>) -> tensor<6xf32>
  %1 = "axe.slice"(%0) {start = [1], step = array<i64: 2>, stop = [6]} : (tensor<6xf32>) -> tensor<3xf32>
  return %1 : tensor<3xf32>
}

// an empty slice has no last element
// CHECK-LABEL: @slice_slice_miss(
// CHECK-NEXT: %0 = "axe.slice"(%arg0) {start = [2], step = array<i64: 3>, stop = [20]}
// CHECK-NEXT: %1 = "axe.slice"(%0) {start = [1], step = array<i64: 1>, stop = [1]}
// CHECK-NEXT: return %1
func.func @slice_slice_miss(%arg0: tensor<20xf32>) -> tensor<0xf32> {
  %0 = "axe.slice"(%arg0) {start = [2], step = array<i64: 3>, stop = [20]} : (tensor<20xf32>) -> tensor<6xf32>
  %1 = "axe.slice"(%0) {start = [1], step = array<i64: 1>, stop = [1]} : (tensor<6xf32>) -> tensor<0xf32>
  return %1 : tensor<0xf32>
}

// RULE: slice(concat(x, y)) => slice of x or of y that holds all of it
// CHECK-LABEL: @slice_concat(
// CHECK-NEXT: %0 = "axe.slice"(%arg1) {start = [1], step = array<i64: 2>, stop = [4]}
// CHECK-NEXT: return %0
func.func @slice_concat(%arg0: tensor<?xf32, ["n"]>, %arg1: tensor<5xf32>) -> tensor<2xf32> {
  %0 = "axe.concat"(%arg0, %arg1) {axis = 0 : i64} : (tensor<?xf32, ["n"]>, tensor<5xf32>) -> tensor<?xf32, ["n + 5"]>
  %1 = "axe.slice"(%0) {start = ["n + 1"], step = array<i64: 2>, stop = ["n + 4"]} : (tensor<?xf32, ["n + 5"]>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// CHECK-LABEL: @slice_concat_miss(
// CHECK-NEXT: %0 = "axe.concat"(%arg0, %arg1) {axis = 0 : i64}
// CHECK-NEXT: %1 = "axe.slice"(%0) {start = [0], step = array<i64: 1>, stop = ["n + 1"]}
// CHECK-NEXT: return %1
func.func @slice_concat_miss(%arg0: tensor<?xf32, ["n"]>, %arg1: tensor<5xf32>) -> tensor<?xf32, ["n + 1"]> {
  %0 = "axe.concat"(%arg0, %arg1) {axis = 0 : i64} : (tensor<?xf32, ["n"]>, tensor<5xf32>) -> tensor<?xf32, ["n + 5"]>
  %1 = "axe.slice"(%0) {start = [0], step = array<i64: 1>, stop = ["n + 1"]} : (tensor<?xf32, ["n + 5"]>) -> tensor<?xf32, ["n + 1"]>
  return %1 : tensor<?xf32, ["n + 1"]>
}

// RULE: reverse(reverse(x)) => x, along the same axes
// CHECK-LABEL: @reverse_reverse(
// CHECK-NEXT: return %arg0
func.func @reverse_reverse(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "axe.reverse"(%arg0) {axes = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "axe.reverse"(%0) {axes = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// CHECK-LABEL: @reverse_reverse_miss(
// CHECK-NEXT: %0 = "axe.reverse"(%arg0) {axes = array<i64: 0>}
// CHECK-NEXT: %1 = "axe.reverse"(%0) {axes = array<i64: 1>}
// CHECK-NEXT: return %1
func.func @reverse_reverse_miss(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = "axe.reverse"(%arg0) {axes = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = "axe.reverse"(%0) {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// RULE: dynamic_slice(x, constants) => slice(x)
// CHECK-LABEL: @dynamic_slice_constant(
// CHECK-NEXT: %0 = "axe.slice"(%arg0) {start = [5], step = array<i64: 1>, stop = [8]}
// CHECK-NEXT: return %0
func.func @dynamic_slice_constant(%arg0: tensor<8xf32>, %arg1: tensor<i32>) -> tensor<3xf32> {
  %0 = "axe.constant"() {value = dense<7> : tensor<i32>} : () -> tensor<i32>
  %1 = "axe.dynamic_slice"(%arg0, %0) {size = [3]} : (tensor<8xf32>, tensor<i32>) -> tensor<3xf32>
  return %1 : tensor<3xf32>
}

// CHECK-LABEL: @dynamic_slice_constant_miss(
// CHECK-NEXT: %0 = "axe.dynamic_slice"(%arg0, %arg1) {size = [3]}
// CHECK-NEXT: return %0
func.func @dynamic_slice_constant_miss(%arg0: tensor<8xf32>, %arg1: tensor<i32>) -> tensor<3xf32> {
  %0 = "axe.dynamic_slice"(%arg0, %arg1) {size = [3]} : (tensor<8xf32>, tensor<i32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// RULE: op(transpose(x), number) => transpose(op(x, number)), also of reshape
// CHECK-LABEL: @move_arithmetic(
// CHECK-NEXT: %0 = "axe.exp"(%arg0)
// CHECK-NEXT: %1 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>}
// CHECK-NEXT: %2 = "axe.broadcast"(%1) {axes = array<i64>, shape = [2, 6]}
// CHECK-NEXT: %3 = "axe.mul"(%0, %2)
// CHECK-NEXT: %4 = "axe.transpose"(%3) {perm = array<i64: 1, 0>}
// CHECK-NEXT: %5 = "axe.reshape"(%4) {shape = [3, 4]}
// CHECK-NEXT: return %5
func.func @move_arithmetic(%arg0: tensor<2x6xf32>) -> tensor<3x4xf32> {
  %0 = "axe.exp"(%arg0) : (tensor<2x6xf32>) -> tensor<2x6xf32>
  %1 = "axe.transpose"(%0) {perm = array<i64: 1, 0>} : (tensor<2x6xf32>) -> tensor<6x2xf32>
  %2 = "axe.reshape"(%1) {shape = [3, 4]} : (tensor<6x2xf32>) -> tensor<3x4xf32>
  %3 = "axe.reshape"(%arg0) {shape = [3, 4]} : (tensor<2x6xf32>) -> tensor<3x4xf32>
  %4 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %5 = "axe.broadcast"(%4) {axes = array<i64>, shape = [3, 4]} : (tensor<f32>) -> tensor<3x4xf32>
  %6 = "axe.mul"(%2, %5) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %6 : tensor<3x4xf32>
}

// x is an argument: the product would be stored
// CHECK-LABEL: @move_arithmetic_miss(
// CHECK-NEXT: %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0>}
// CHECK-NEXT: %1 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>}
// CHECK-NEXT: %2 = "axe.broadcast"(%1) {axes = array<i64>, shape = [6, 2]}
// CHECK-NEXT: %3 = "axe.mul"(%0, %2)
// CHECK-NEXT: return %3
func.func @move_arithmetic_miss(%arg0: tensor<2x6xf32>) -> tensor<6x2xf32> {
  %0 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0>} : (tensor<2x6xf32>) -> tensor<6x2xf32>
  %1 = "axe.transpose"(%arg0) {perm = array<i64: 1, 0>} : (tensor<2x6xf32>) -> tensor<6x2xf32>
  %2 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %3 = "axe.broadcast"(%2) {axes = array<i64>, shape = [6, 2]} : (tensor<f32>) -> tensor<6x2xf32>
  %4 = "axe.mul"(%0, %3) : (tensor<6x2xf32>, tensor<6x2xf32>) -> tensor<6x2xf32>
  return %4 : tensor<6x2xf32>
}
