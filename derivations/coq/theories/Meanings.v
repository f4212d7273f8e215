(* What the lemmas speak of besides what Coq's library and Coquelicot have. A verdict stands while
   this file and the statement of the lemma do; how it was proved does not matter to it. *)
From Coq Require Import Reals.
From Coquelicot Require Import Coquelicot.
Open Scope R_scope.

(* A power whose base may be zero: 0^e is 0. *)
Definition power (b e : R) : R := if Req_EM_T b 0 then 0 else Rpower b e.

(* The derivative from the right: the limit of the quotient over steps h > 0. *)
Definition right_derivative (f : R -> R) (x l : R) : Prop :=
  filterlim (fun h => (f (x + h) - f x) / h) (at_right 0) (locally l).

(* Over the whole line. That the bell's area is sqrt (2 pi) is assumed where it is used, by name. *)
Definition over_the_line (f : R -> R) (l : R) : Prop :=
  is_RInt_gen f (Rbar_locally m_infty) (Rbar_locally p_infty) l.
Definition gaussian_integral : Prop := over_the_line (fun z => exp (- z ^ 2 / 2)) (sqrt (2 * PI)).

(* The mean over a standard Gaussian, by its moments: any linear functional that has them. *)
Record standard_normal (E : (R -> R) -> R) : Prop := {
  same : forall f g, (forall x, f x = g x) -> E f = E g;
  plus : forall f g, E (fun x => f x + g x) = E f + E g;
  scale : forall a f, E (fun x => a * f x) = a * E f;
  whole : E (fun _ => 1) = 1;
  odd : E (fun x => x) = 0;
  moments : forall n, E (fun x => x ^ S (S n)) = INR (S n) * E (fun x => x ^ n);
  exponentials : forall b, E (fun x => exp (b * x)) = exp (b ^ 2 / 2)
}.
