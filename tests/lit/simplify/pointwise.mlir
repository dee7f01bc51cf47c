// RUN: axec opt %s --pass simplify | filecheck %s
// Pointwise rules of simplify: what a rule does, and a program beside it that it leaves alone (_miss).

// RULE: add(x, 0) => x (of floats: -0.0)
// CHECK-LABEL: @add_zero(
// CHECK-NEXT: return %arg0
func.func @add_zero(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<-0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.add"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -0.0 + 0.0 is 0.0
// CHECK-LABEL: @add_zero_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.add"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @add_zero_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.add"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: sub(x, 0) => x
// CHECK-LABEL: @sub_zero(
// CHECK-NEXT: return %arg0
func.func @sub_zero(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.sub"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// 0.0 - 0.0 is no -0.0
// CHECK-LABEL: @sub_zero_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.sub"(%1, %arg0)
// CHECK-NEXT: return %2
func.func @sub_zero_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.sub"(%1, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: mul(x, 1) => x
// CHECK-LABEL: @mul_one(
// CHECK-NEXT: return %arg0
func.func @mul_one(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.mul"(%1, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: @mul_one_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<1.500000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.mul"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @mul_one_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<1.500000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.mul"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: div(x, 1) => x
// CHECK-LABEL: @div_one(
// CHECK-NEXT: return %arg0
func.func @div_one(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.div"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: @div_one_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.div"(%1, %arg0)
// CHECK-NEXT: return %2
func.func @div_one_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.div"(%1, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: max(x, lowest) => x
// CHECK-LABEL: @max_lowest(
// CHECK-NEXT: return %arg0
func.func @max_lowest(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0xFF800000> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.max"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: @max_lowest_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.max"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @max_lowest_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.max"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: min(x, highest) => x
// CHECK-LABEL: @min_highest(
// CHECK-NEXT: return %arg0
func.func @min_highest(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0x7F800000> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.min"(%1, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: @min_highest_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0xFF800000> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.min"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @min_highest_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0xFF800000> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.min"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: and(x, all ones) => x
// CHECK-LABEL: @and_ones(
// CHECK-NEXT: return %arg0
func.func @and_ones(%arg0: tensor<4xi32>) -> tensor<4xi32> {
  %0 = "axe.constant"() {value = dense<-1> : tensor<i32>} : () -> tensor<i32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<i32>) -> tensor<4xi32>
  %2 = "axe.and"(%arg0, %1) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %2 : tensor<4xi32>
}

// CHECK-LABEL: @and_ones_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<1> : tensor<i32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.and"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @and_ones_miss(%arg0: tensor<4xi32>) -> tensor<4xi32> {
  %0 = "axe.constant"() {value = dense<1> : tensor<i32>} : () -> tensor<i32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<i32>) -> tensor<4xi32>
  %2 = "axe.and"(%arg0, %1) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %2 : tensor<4xi32>
}

// RULE: or(x, 0) => x
// CHECK-LABEL: @or_zero(
// CHECK-NEXT: return %arg0
func.func @or_zero(%arg0: tensor<4xi32>) -> tensor<4xi32> {
  %0 = "axe.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<i32>) -> tensor<4xi32>
  %2 = "axe.or"(%arg0, %1) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %2 : tensor<4xi32>
}

// CHECK-LABEL: @or_zero_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<1> : tensor<i32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.or"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @or_zero_miss(%arg0: tensor<4xi32>) -> tensor<4xi32> {
  %0 = "axe.constant"() {value = dense<1> : tensor<i32>} : () -> tensor<i32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<i32>) -> tensor<4xi32>
  %2 = "axe.or"(%arg0, %1) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %2 : tensor<4xi32>
}

// RULE: xor(x, 0) => x
// CHECK-LABEL: @xor_zero(
// CHECK-NEXT: return %arg0
func.func @xor_zero(%arg0: tensor<4xi32>) -> tensor<4xi32> {
  %0 = "axe.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<i32>) -> tensor<4xi32>
  %2 = "axe.xor"(%1, %arg0) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %2 : tensor<4xi32>
}

// CHECK-LABEL: @xor_zero_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<-1> : tensor<i32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.xor"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @xor_zero_miss(%arg0: tensor<4xi32>) -> tensor<4xi32> {
  %0 = "axe.constant"() {value = dense<-1> : tensor<i32>} : () -> tensor<i32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<i32>) -> tensor<4xi32>
  %2 = "axe.xor"(%arg0, %1) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %2 : tensor<4xi32>
}

// RULE: mul(x, 0) => 0 (integers)
// CHECK-LABEL: @mul_zero(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0> : tensor<i32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: return %1
func.func @mul_zero(%arg0: tensor<4xi32>) -> tensor<4xi32> {
  %0 = "axe.constant"() {value = dense<0> : tensor<i32>} : () -> tensor<i32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<i32>) -> tensor<4xi32>
  %2 = "axe.mul"(%arg0, %1) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %2 : tensor<4xi32>
}

// NaN and infinity times 0
// CHECK-LABEL: @mul_zero_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.mul"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @mul_zero_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.mul"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: sub(x, x) => 0 (integers)
// CHECK-LABEL: @sub_self(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0> : tensor<i32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: return %1
func.func @sub_self(%arg0: tensor<4xi32>) -> tensor<4xi32> {
  %0 = "axe.sub"(%arg0, %arg0) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %0 : tensor<4xi32>
}

// inf - inf
// CHECK-LABEL: @sub_self_miss(
// CHECK-NEXT: %0 = "axe.sub"(%arg0, %arg0)
// CHECK-NEXT: return %0
func.func @sub_self_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.sub"(%arg0, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// RULE: max(x, x) => x
// CHECK-LABEL: @max_self(
// CHECK-NEXT: %0 = "axe.add"(%arg0, %arg1)
// CHECK-NEXT: return %0
func.func @max_self(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.max"(%arg0, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.add"(%0, %arg1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @max_self_miss(
// CHECK-NEXT: %0 = "axe.max"(%arg0, %arg1)
// CHECK-NEXT: return %0
func.func @max_self_miss(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.max"(%arg0, %arg1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// RULE: neg(neg(x)) => x
// CHECK-LABEL: @neg_neg(
// CHECK-NEXT: return %arg0
func.func @neg_neg(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.neg"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.neg"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @neg_neg_miss(
// CHECK-NEXT: %0 = "axe.abs"(%arg0)
// CHECK-NEXT: %1 = "axe.neg"(%0)
// CHECK-NEXT: return %1
func.func @neg_neg_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.abs"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.neg"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// RULE: neg(sub(x, y)) => sub(y, x) (integers)
// CHECK-LABEL: @neg_sub(
// CHECK-NEXT: %0 = "axe.sub"(%arg1, %arg0)
// CHECK-NEXT: return %0
func.func @neg_sub(%arg0: tensor<4xi32>, %arg1: tensor<4xi32>) -> tensor<4xi32> {
  %0 = "axe.sub"(%arg0, %arg1) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  %1 = "axe.neg"(%0) : (tensor<4xi32>) -> tensor<4xi32>
  return %1 : tensor<4xi32>
}

// -(0.0 - 0.0) is -0.0
// CHECK-LABEL: @neg_sub_miss(
// CHECK-NEXT: %0 = "axe.sub"(%arg0, %arg1)
// CHECK-NEXT: %1 = "axe.neg"(%0)
// CHECK-NEXT: return %1
func.func @neg_sub_miss(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.sub"(%arg0, %arg1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.neg"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// RULE: abs(neg(x)) => abs(x)
// CHECK-LABEL: @abs_neg(
// CHECK-NEXT: %0 = "axe.abs"(%arg0)
// CHECK-NEXT: return %0
func.func @abs_neg(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.neg"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.abs"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @abs_neg_miss(
// CHECK-NEXT: %0 = "axe.sign"(%arg0)
// CHECK-NEXT: %1 = "axe.abs"(%0)
// CHECK-NEXT: return %1
func.func @abs_neg_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.sign"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.abs"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// RULE: abs(abs(x)) => abs(x)
// CHECK-LABEL: @abs_abs(
// CHECK-NEXT: %0 = "axe.abs"(%arg0)
// CHECK-NEXT: return %0
func.func @abs_abs(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.abs"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.abs"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @abs_abs_miss(
// CHECK-NEXT: %0 = "axe.exp"(%arg0)
// CHECK-NEXT: %1 = "axe.abs"(%0)
// CHECK-NEXT: return %1
func.func @abs_abs_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.exp"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.abs"(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// RULE: add(x, neg(y)) => sub(x, y)
// CHECK-LABEL: @add_neg(
// CHECK-NEXT: %0 = "axe.sub"(%arg1, %arg0)
// CHECK-NEXT: return %0
func.func @add_neg(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.neg"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.add"(%0, %arg1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @add_neg_miss(
// CHECK-NEXT: %0 = "axe.abs"(%arg1)
// CHECK-NEXT: %1 = "axe.add"(%arg0, %0)
// CHECK-NEXT: return %1
func.func @add_neg_miss(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.abs"(%arg1) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.add"(%arg0, %0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// RULE: sub(x, neg(y)) => add(x, y)
// CHECK-LABEL: @sub_neg(
// CHECK-NEXT: %0 = "axe.add"(%arg0, %arg1)
// CHECK-NEXT: return %0
func.func @sub_neg(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.neg"(%arg1) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.sub"(%arg0, %0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @sub_neg_miss(
// CHECK-NEXT: %0 = "axe.neg"(%arg0)
// CHECK-NEXT: %1 = "axe.sub"(%0, %arg1)
// CHECK-NEXT: return %1
func.func @sub_neg_miss(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.neg"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.sub"(%0, %arg1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// RULE: mul(x, -1) => neg(x)
// CHECK-LABEL: @mul_minus_one(
// CHECK-NEXT: %0 = "axe.neg"(%arg0)
// CHECK-NEXT: return %0
func.func @mul_minus_one(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<-1.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.mul"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: @mul_minus_one_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<-1.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.div"(%1, %arg0)
// CHECK-NEXT: return %2
func.func @mul_minus_one_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<-1.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.div"(%1, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: div(x, c) => mul(x, 1 / c), c a power of two
// CHECK-LABEL: @div_power(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<1.250000e-01> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.mul"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @div_power(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<8.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.div"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: @div_power_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.div"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @div_power_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.div"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: pow(x, 1) => x
// CHECK-LABEL: @pow_one(
// CHECK-NEXT: return %arg0
func.func @pow_one(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.pow"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: @pow_one_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.pow"(%1, %arg0)
// CHECK-NEXT: return %2
func.func @pow_one_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.pow"(%1, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: pow(x, 2) => mul(x, x)
// CHECK-LABEL: @pow_two(
// CHECK-NEXT: %0 = "axe.mul"(%arg0, %arg0)
// CHECK-NEXT: return %0
func.func @pow_two(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<2.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.pow"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: @pow_two_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.pow"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @pow_two_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<3.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.pow"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: pow(x, -1) => div(1, x)
// CHECK-LABEL: @pow_minus_one(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.div"(%1, %arg0)
// CHECK-NEXT: return %2
func.func @pow_minus_one(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<-1.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.pow"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// sqrt(x) differs at -0.0 and -inf
// CHECK-LABEL: @pow_minus_one_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<5.000000e-01> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.pow"(%arg0, %1)
// CHECK-NEXT: return %2
func.func @pow_minus_one_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<5.000000e-01> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.pow"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: pow(x, 0) => 1
// CHECK-LABEL: @pow_zero(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<1.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: return %1
func.func @pow_zero(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.pow"(%arg0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: @pow_zero_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.pow"(%1, %arg0)
// CHECK-NEXT: return %2
func.func @pow_zero_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.pow"(%1, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// RULE: compare(x, x) => constant (integers)
// CHECK-LABEL: @compare_self(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<true> : tensor<i1>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: return %1
func.func @compare_self(%arg0: tensor<4xi32>) -> tensor<4xi1> {
  %0 = "axe.compare"(%arg0, %arg0) {direction = "le"} : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi1>
  return %0 : tensor<4xi1>
}

// NaN <= NaN is false
// CHECK-LABEL: @compare_self_miss(
// CHECK-NEXT: %0 = "axe.compare"(%arg0, %arg0) {direction = "le"}
// CHECK-NEXT: return %0
func.func @compare_self_miss(%arg0: tensor<4xf32>) -> tensor<4xi1> {
  %0 = "axe.compare"(%arg0, %arg0) {direction = "le"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  return %0 : tensor<4xi1>
}

// RULE: not(compare(x, y)) => the opposite compare (of floats: eq, ne)
// CHECK-LABEL: @not_compare(
// CHECK-NEXT: %0 = "axe.compare"(%arg0, %arg1) {direction = "ge"}
// CHECK-NEXT: return %0
func.func @not_compare(%arg0: tensor<4xi32>, %arg1: tensor<4xi32>) -> tensor<4xi1> {
  %0 = "axe.compare"(%arg0, %arg1) {direction = "lt"} : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi1>
  %1 = "axe.not"(%0) : (tensor<4xi1>) -> tensor<4xi1>
  return %1 : tensor<4xi1>
}

// of NaN both are false
// CHECK-LABEL: @not_compare_miss(
// CHECK-NEXT: %0 = "axe.compare"(%arg0, %arg1) {direction = "lt"}
// CHECK-NEXT: %1 = "axe.not"(%0)
// CHECK-NEXT: return %1
func.func @not_compare_miss(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xi1> {
  %0 = "axe.compare"(%arg0, %arg1) {direction = "lt"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %1 = "axe.not"(%0) : (tensor<4xi1>) -> tensor<4xi1>
  return %1 : tensor<4xi1>
}

// RULE: select(constant, x, y) => x, or y
// CHECK-LABEL: @select_constant(
// CHECK-NEXT: return %arg1
func.func @select_constant(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<false> : tensor<i1>} : () -> tensor<i1>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<i1>) -> tensor<4xi1>
  %2 = "axe.select"(%1, %arg0, %arg1) : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// CHECK-LABEL: @select_constant_miss(
// CHECK-NEXT: %0 = "axe.select"(%arg0, %arg1, %arg2)
// CHECK-NEXT: return %0
func.func @select_constant_miss(%arg0: tensor<4xi1>, %arg1: tensor<4xf32>, %arg2: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.select"(%arg0, %arg1, %arg2) : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// RULE: select(c, x, x) => x
// CHECK-LABEL: @select_same(
// CHECK-NEXT: %0 = "axe.add"(%arg1, %arg2)
// CHECK-NEXT: return %0
func.func @select_same(%arg0: tensor<4xi1>, %arg1: tensor<4xf32>, %arg2: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.select"(%arg0, %arg1, %arg1) : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = "axe.add"(%0, %arg2) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @select_same_miss(
// CHECK-NEXT: %0 = "axe.select"(%arg0, %arg1, %arg2)
// CHECK-NEXT: return %0
func.func @select_same_miss(%arg0: tensor<4xi1>, %arg1: tensor<4xf32>, %arg2: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.select"(%arg0, %arg1, %arg2) : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// RULE: select(not(c), x, y) => select(c, y, x)
// CHECK-LABEL: @select_not(
// CHECK-NEXT: %0 = "axe.select"(%arg0, %arg2, %arg1)
// CHECK-NEXT: return %0
func.func @select_not(%arg0: tensor<4xi1>, %arg1: tensor<4xf32>, %arg2: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.not"(%arg0) : (tensor<4xi1>) -> tensor<4xi1>
  %1 = "axe.select"(%0, %arg1, %arg2) : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @select_not_miss(
// CHECK-NEXT: %0 = "axe.select"(%arg0, %arg1, %arg2)
// CHECK-NEXT: return %0
func.func @select_not_miss(%arg0: tensor<4xi1>, %arg1: tensor<4xf32>, %arg2: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.select"(%arg0, %arg1, %arg2) : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// RULE: clamp(-inf, x, inf) => x
// CHECK-LABEL: @clamp_nothing(
// CHECK-NEXT: return %arg0
func.func @clamp_nothing(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0xFF800000> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.constant"() {value = dense<0x7F800000> : tensor<f32>} : () -> tensor<f32>
  %3 = "axe.broadcast"(%2) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %4 = "axe.clamp"(%1, %arg0, %3) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %4 : tensor<4xf32>
}

// CHECK-LABEL: @clamp_nothing_miss(
// CHECK-NEXT: %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>}
// CHECK-NEXT: %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %2 = "axe.constant"() {value = dense<0x7F800000> : tensor<f32>}
// CHECK-NEXT: %3 = "axe.broadcast"(%2) {axes = array<i64>, shape = [4]}
// CHECK-NEXT: %4 = "axe.clamp"(%1, %arg0, %3)
// CHECK-NEXT: return %4
func.func @clamp_nothing_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.constant"() {value = dense<0.000000e+00> : tensor<f32>} : () -> tensor<f32>
  %1 = "axe.broadcast"(%0) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %2 = "axe.constant"() {value = dense<0x7F800000> : tensor<f32>} : () -> tensor<f32>
  %3 = "axe.broadcast"(%2) {axes = array<i64>, shape = [4]} : (tensor<f32>) -> tensor<4xf32>
  %4 = "axe.clamp"(%1, %arg0, %3) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %4 : tensor<4xf32>
}

// RULE: cast(x) to its own dtype => x
// CHECK-LABEL: @cast_same(
// CHECK-NEXT: return %arg0
func.func @cast_same(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.cast"(%arg0) {dtype = f32} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: @cast_same_miss(
// CHECK-NEXT: %0 = "axe.cast"(%arg0) {dtype = f64}
// CHECK-NEXT: return %0
func.func @cast_same_miss(%arg0: tensor<4xf32>) -> tensor<4xf64> {
  %0 = "axe.cast"(%arg0) {dtype = f64} : (tensor<4xf32>) -> tensor<4xf64>
  return %0 : tensor<4xf64>
}

// RULE: cast(cast(x)) => cast(x), the inner one exact
// CHECK-LABEL: @cast_cast(
// CHECK-NEXT: %0 = "axe.cast"(%arg0) {dtype = f32}
// CHECK-NEXT: return %0
func.func @cast_cast(%arg0: tensor<4xf16>) -> tensor<4xf32> {
  %0 = "axe.cast"(%arg0) {dtype = f64} : (tensor<4xf16>) -> tensor<4xf64>
  %1 = "axe.cast"(%0) {dtype = f32} : (tensor<4xf64>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @cast_cast_miss(
// CHECK-NEXT: %0 = "axe.cast"(%arg0) {dtype = f16}
// CHECK-NEXT: %1 = "axe.cast"(%0) {dtype = f32}
// CHECK-NEXT: return %1
func.func @cast_cast_miss(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = "axe.cast"(%arg0) {dtype = f16} : (tensor<4xf32>) -> tensor<4xf16>
  %1 = "axe.cast"(%0) {dtype = f32} : (tensor<4xf16>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
