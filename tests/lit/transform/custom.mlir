// RUN: axec opt --pass transform --pass simplify %s | filecheck %s

func.func private @cube(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "axe.mul"(%x, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %1 = "axe.mul"(%0, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %1 : tensor<3xf32>
}
func.func private @cube_jvp(%x: tensor<3xf32>, %t: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %0 = "fn.custom"(%x) {callee = @cube, jvp = @cube_jvp} : (tensor<3xf32>) -> tensor<3xf32>
  %1 = "axe.mul"(%t, %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0, %1 : tensor<3xf32>, tensor<3xf32>
}
func.func private @f(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "fn.custom"(%x) {callee = @cube, jvp = @cube_jvp} : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// A rule for tangents serves reverse mode: what is linear in the tangent is transposed.
// CHECK-LABEL: @reverse(
// CHECK-NEXT: %[[M:.*]] = "axe.mul"(%arg1, %arg0)
// CHECK-NEXT: return %[[M]]
func.func @reverse(%x: tensor<3xf32>, %g: tensor<3xf32>) -> tensor<3xf32> {
  %y, %dx = "fn.vjp"(%x, %g) {callee = @f, wrt = array<i64: 0>, seeds = array<i64: 0>} : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %dx : tensor<3xf32>
}

// Near miss: nobody differentiates, and the function is inlined without its rule.
// CHECK-LABEL: @plain(
// CHECK-NEXT: %[[S:.*]] = "axe.mul"(%arg0, %arg0)
// CHECK-NEXT: %[[C:.*]] = "axe.mul"(%[[S]], %arg0)
// CHECK-NEXT: return %[[C]]
func.func @plain(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = "fn.call"(%x) {callee = @f} : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}
