"""The loss of packed rows at their trained positions, without all logits at once."""

import torch
import torch.nn.functional as F


class Select(torch.autograd.Function):
    """x[chosen] for places that differ; the gradient is put back without the sorting that a general index needs."""

    @staticmethod
    def forward(context: torch.autograd.function.FunctionCtx, x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(chosen)
        context.rows = len(x)
        return x.index_select(0, chosen)

    @staticmethod
    def backward(context: torch.autograd.function.FunctionCtx, outer: torch.Tensor):
        (chosen,) = context.saved_tensors
        return outer.new_zeros((context.rows, outer.shape[1])).index_copy_(0, chosen, outer), None


class ChunkedLoss(torch.autograd.Function):
    """Sum of cross-entropies over `divisor`, a few positions at a time, so that all logits never exist at once.

    hidden (positions, width) are after the last norm. The head is frozen, so its gradient is not needed, and the
    gradient of the loss is made in the same pass.
    """

    @staticmethod
    def forward(
        context: torch.autograd.function.FunctionCtx,
        hidden: torch.Tensor,
        head: torch.Tensor,
        targets: torch.Tensor,
        divisor: int,
        chunk: int,
    ) -> torch.Tensor:
        gradient = torch.empty_like(hidden)
        loss = torch.zeros((), dtype=torch.float32, device=hidden.device)
        tokens = torch.arange(head.shape[0], device=hidden.device)
        for start in range(0, len(hidden), chunk):
            part, target = hidden[start : start + chunk], targets[start : start + chunk, None]
            logits = F.linear(part, head).float()
            total = logits.logsumexp(dim=1, keepdim=True)
            loss += (total - logits.gather(1, target)).sum()
            logits.sub_(total).exp_().sub_((tokens[None, :] == target).to(logits.dtype)).div_(divisor)
            gradient[start : start + chunk] = logits.to(hidden.dtype) @ head
        context.save_for_backward(gradient)
        return loss / divisor

    @staticmethod
    def backward(context: torch.autograd.function.FunctionCtx, outer: torch.Tensor):
        (gradient,) = context.saved_tensors
        return gradient * outer.to(gradient.dtype), None, None, None, None
