(* Means over a standard Gaussian, one moment at a time. *)
From Coq Require Import Reals Lra Psatz Field.
From Refimpl Require Import Meanings Lines.
Open Scope R_scope.

Section Moments.
Variables (E : (R -> R) -> R) (normal : standard_normal E).

Lemma moment0 : E (fun x => x ^ 0) = 1.
Proof. rewrite <- (whole E normal). apply (same E normal). reflexivity. Qed.
Lemma moment1 : E (fun x => x ^ 1) = 0.
Proof. rewrite <- (odd E normal). apply (same E normal). intro; ring. Qed.
Lemma moment (n : nat) (m : R) :
  E (fun x => x ^ n) = m -> E (fun x => x ^ S (S n)) = INR (S n) * m.
Proof. intro H. rewrite (moments E normal), H. reflexivity. Qed.

(* One term at a time: coefficient times power, or coefficient times exponential. *)
Lemma term_and (c m : R) (f g : R -> R) :
  E f = m -> E (fun x => c * f x + g x) = c * m + E g.
Proof.
  intro H. rewrite (plus E normal (fun x => c * f x) g), (scale E normal), H. reflexivity.
Qed.
Lemma nothing : E (fun _ => 0) = 0.
Proof.
  replace (E (fun _ => 0)) with (E (fun x => 0 * (fun _ => 1) x))
    by (apply (same E normal); intro; ring).
  rewrite (scale E normal). ring.
Qed.
Lemma power_and (n : nat) (c m : R) (g : R -> R) :
  E (fun x => x ^ n) = m -> E (fun x => c * x ^ n + g x) = c * m + E g.
Proof. apply term_and. Qed.
Lemma exponential_and (b c : R) (g : R -> R) :
  E (fun x => c * exp (b * x) + g x) = c * exp (b ^ 2 / 2) + E g.
Proof. apply (term_and c _ (fun x => exp (b * x))), (exponentials E normal). Qed.
End Moments.

Ltac power :=
  lazymatch goal with
  | |- _ _ = _ => first [ eapply moment1; eassumption | eapply moment0; eassumption
                        | eapply moment; [ eassumption | power ] ]
  end.
Ltac mean :=
  match goal with
  | H : standard_normal ?E |- _ =>
      repeat first
        [ rewrite (nothing E H)
        | rewrite (exponential_and E H)
        | erewrite (power_and E H) by power ]
  end.
