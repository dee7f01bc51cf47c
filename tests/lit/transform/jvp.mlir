// RUN: axec opt --pass transform --pass simplify %s | filecheck %s

func.func private @product(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %0 = "axe.mul"(%x, %y) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %1 = "axe.reverse"(%0) {axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<3xf32>
  return %1 : tensor<3xf32>
}

// A tangent goes along: through a product by the other factor, through an arrangement as it is.
// CHECK-LABEL: @along_x(
// CHECK-SAME: %[[X:.*]]: tensor<3xf32>, %[[Y:.*]]: tensor<3xf32>, %[[T:.*]]: tensor<3xf32>
// CHECK-NEXT: %[[M:.*]] = "axe.mul"(%[[T]], %[[Y]])
// CHECK-NEXT: %[[R:.*]] = "axe.reverse"(%[[M]])
// CHECK-NEXT: return %[[R]]
func.func @along_x(%x: tensor<3xf32>, %y: tensor<3xf32>, %t: tensor<3xf32>) -> tensor<3xf32> {
  %z, %tz = "fn.jvp"(%x, %y, %t) {callee = @product, wrt = array<i64: 0>, outs = array<i64: 0>} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %tz : tensor<3xf32>
}

// Near miss: nothing varies, so that the tangent is zero and nothing is computed.
// CHECK-LABEL: @along_nothing(
// CHECK-NOT: axe.mul
// CHECK: return
func.func @along_nothing(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %z, %tz = "fn.jvp"(%x, %y) {callee = @product, wrt = array<i64>, outs = array<i64: 0>} : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %tz : tensor<3xf32>
}
