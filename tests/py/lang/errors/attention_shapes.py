import axec as axe


@axe.entry(q=axe.spec((2, 16, 8)), k=axe.spec((2, 16, 4)))
def attend(q, k):
    return axe.nn.scaled_dot_product_attention(q, k, k)
