(* The tactics that close the exported lines. They search; what they find is checked by Coq itself,
   so that nothing here has to be trusted. *)
From Coq Require Import Reals Lra Psatz Field.
From Coquelicot Require Import Coquelicot.
Open Scope R_scope.

(* Laws that the library states otherwise. *)

Lemma exp_times (n : nat) (x : R) : exp (INR n * x) = exp x ^ n.
Proof.
  induction n as [| n IH]; [simpl; rewrite Rmult_0_l; apply exp_0 |].
  rewrite S_INR, Rmult_plus_distr_r, Rmult_1_l, exp_plus, IH. simpl. ring.
Qed.

Lemma ln_sqrt (x : R) : 0 < x -> ln (sqrt x) = ln x / 2.
Proof.
  intro H. assert (E : ln (sqrt x * sqrt x) = ln x) by (rewrite sqrt_sqrt; lra).
  rewrite ln_mult in E by (apply sqrt_lt_R0; exact H). lra.
Qed.

Lemma sqrt_is (x y : R) : 0 <= y -> y * y = x -> sqrt x = y.
Proof. intros Hy E. rewrite <- E. apply sqrt_square, Hy. Qed.

Lemma part (a p b : R) : 0 < p -> 0 <= a -> a = p * b -> 0 <= b.
Proof. intros Hp Ha E. destruct (Rle_lt_dec 0 b); [assumption | nra]. Qed.

Lemma exp_half (x : R) : 0 < x -> exp (1 / 2 * ln x) = sqrt x.
Proof.
  intro H. symmetry. apply sqrt_is; [apply Rlt_le, exp_pos |].
  rewrite <- exp_plus. replace (1 / 2 * ln x + 1 / 2 * ln x) with (ln x) by lra.
  apply exp_ln, H.
Qed.

Lemma limit_here (f : R -> R) (a b : R) : f a = b -> continuity_pt f a -> is_lim f a b.
Proof. intros <- H. apply is_lim_continuity, H. Qed.

Lemma square_nonneg (x : R) : 0 <= x ^ 2.
Proof. apply pow2_ge_0. Qed.

Lemma even_pow_nonneg (x : R) (n : nat) : 0 <= x ^ (2 * n).
Proof. rewrite pow_mult. apply pow_le, pow2_ge_0. Qed.

Lemma even_pow_pos (x : R) : x <> 0 -> 0 < x ^ 2.
Proof. intro H. simpl. rewrite Rmult_1_r. apply Rsqr_pos_lt, H. Qed.

Lemma cos_square (x : R) : cos x * cos x = 1 - sin x * sin x.
Proof. generalize (sin2_cos2 x). unfold Rsqr. lra. Qed.

Lemma follows (a b c d k : R) : a = b -> c - d = k * (a - b) -> c = d.
Proof. intros E F. rewrite E in F. replace (b - b) with 0 in F by ring. lra. Qed.

Lemma below (a b k : R) : b - a = k -> 0 <= k -> a <= b.
Proof. intros. lra. Qed.

Lemma neg_neg (x y : R) : x < 0 -> y < 0 -> 0 < x * y.
Proof. nra. Qed.
Lemma neg_pos (x y : R) : x < 0 -> 0 < y -> x * y < 0.
Proof. nra. Qed.
Lemma pos_neg (x y : R) : 0 < x -> y < 0 -> x * y < 0.
Proof. nra. Qed.
Lemma sum_neg (x y : R) : x < 0 -> y < 0 -> x + y < 0.
Proof. lra. Qed.
Lemma opp_pos (x : R) : x < 0 -> 0 < - x.
Proof. lra. Qed.
Lemma opp_neg (x : R) : 0 < x -> - x < 0.
Proof. lra. Qed.

(* Signs: products, sums, quotients, powers, roots and exponentials of what has a sign. *)

Ltac hypothesis :=
  match goal with
  | H : ?a <> 0 |- ?b <> 0 => let E := fresh in intro E; apply H; clear - E; lra
  | H : ?a <> 0 |- ?b <> 0 => let E := fresh in intro E; apply H; clear - E; ring_simplify in E; ring_simplify; lra
  | H : ?a <> 0 |- ?b <> 0 => let E := fresh in intro E; apply H; rewrite <- E; field; fail
  end.

Ltac pos :=
  lazymatch goal with
  | |- True => exact I
  | |- _ /\ _ => split; pos
  | |- 0 < _ =>
      first [ assumption | exact PI_RGT_0 | apply exp_pos | lra
            | lazymatch goal with
              | |- 0 < _ * _ => first [ apply Rmult_lt_0_compat; pos | apply neg_neg; neg ]
              | |- 0 < _ / _ => unfold Rdiv; pos
              | |- 0 < / _ => apply Rinv_0_lt_compat; pos
              | |- 0 < _ + _ =>
                  first [ apply Rplus_lt_0_compat; pos | apply Rplus_lt_le_0_compat; pos
                        | apply Rplus_le_lt_0_compat; pos ]
              | |- 0 < _ - _ => apply Rlt_Rminus; nra
              | |- 0 < sqrt _ => apply sqrt_lt_R0; pos
              | |- 0 < Rpower _ _ => unfold Rpower; apply exp_pos
              | |- 0 < _ ^ 2 => first [ apply pow_lt; pos | apply even_pow_pos; nonzero ]
              | |- 0 < _ ^ _ => apply pow_lt; pos
              | |- 0 < - _ => apply opp_pos; neg
              end
            | nra ]
  | |- 0 <= _ =>
      first [ assumption | apply square_nonneg | apply Rle_0_sqr | apply sqrt_pos | apply Rabs_pos
            | lazymatch goal with
              | |- 0 <= _ * _ => apply Rmult_le_pos; pos
              | |- 0 <= _ / _ => unfold Rdiv; pos
              | |- 0 <= _ + _ => apply Rplus_le_le_0_compat; pos
              | |- 0 <= _ ^ ?n =>
                  first [ apply pow_le; pos
                        | let m := eval compute in (Nat.div n 2) in apply (even_pow_nonneg _ m) ]
              end
            | apply Rlt_le; pos | lra | nra ]
  | |- _ <> 0 => nonzero
  | |- _ > 0 => apply Rlt_gt; pos
  | |- _ >= 0 => apply Rle_ge; pos
  | |- _ < 0 => neg
  end
with neg :=
  first [ assumption | lra
        | lazymatch goal with
          | |- - _ < 0 => apply opp_neg; pos
          | |- _ / _ < 0 => unfold Rdiv; neg
          | |- _ * _ < 0 => first [ apply neg_pos; [neg | pos] | apply pos_neg; [pos | neg] ]
          | |- _ + _ < 0 => apply sum_neg; neg
          end
        | nra ]
with nonzero :=
  first [ assumption
        | apply Rgt_not_eq; apply PI_RGT_0
        | lazymatch goal with
          | |- _ * _ <> 0 => apply Rmult_integral_contrapositive_currified; nonzero
          | |- _ / _ <> 0 => unfold Rdiv; nonzero
          | |- / _ <> 0 => apply Rinv_neq_0_compat; nonzero
          | |- _ ^ _ <> 0 => apply pow_nonzero; nonzero
          | |- - _ <> 0 => apply Ropp_neq_0_compat; nonzero
          | |- exp _ <> 0 => apply Rgt_not_eq; apply exp_pos
          end
        | hypothesis
        | apply Rgt_not_eq; apply Rlt_gt; pos
        | apply Rlt_not_eq; neg
        | match goal with |- ?e <> 0 => progress ring_simplify e end; nonzero ].

(* Identities: rational ones by `field`, its side conditions by signs; cases before that. *)

Ltac sides := repeat split; first [ assumption | pos | nonzero ].
Ltac algebra := first [ reflexivity | ring | field; sides | lra ].

(* exp of a sum, given the sum that it is; likewise ln and sqrt of products. *)

Ltac ln_split :=
  repeat first
    [ rewrite ln_mult by pos | rewrite ln_Rinv by pos | rewrite ln_pow by pos
    | rewrite ln_sqrt by pos | rewrite ln_exp | rewrite ln_1 ].
Ltac exp_law sum :=
  rewrite ?ln_1; ln_split;
  lazymatch goal with
  | |- exp ?a = _ =>
      replace a with sum by (simpl; algebra);
      rewrite ?exp_plus, ?exp_Ropp, ?exp_times, ?exp_0;
      repeat rewrite exp_half by pos; repeat rewrite exp_ln by pos;
      first [ reflexivity | algebra ]
  end.
Ltac ln_law product :=
  lazymatch goal with
  | |- ln ?a = _ => replace a with product by algebra; ln_split; simpl; first [ reflexivity | lra | algebra ]
  end.

(* Powers of roots, where what stands under them is a fraction. *)
Ltac squares := rewrite ?Rpow_mult_distr; repeat rewrite pow2_sqrt by pos.

(* Sines and cosines at multiples of a right angle, and shifted by one. *)
Ltac circle_law :=
  lazymatch goal with
  | |- sin ?a = _ =>
      first [ replace a with 0 by algebra; rewrite sin_0; algebra
            | replace a with (PI / 2) by algebra; rewrite sin_PI2; algebra
            | replace a with PI by algebra; rewrite sin_PI; algebra
            | rewrite <- cos_shift; f_equal; algebra | rewrite <- sin_shift; f_equal; algebra ]
  | |- cos ?a = _ =>
      first [ replace a with 0 by algebra; rewrite cos_0; algebra
            | replace a with (PI / 2) by algebra; rewrite cos_PI2; algebra
            | replace a with PI by algebra; rewrite cos_PI; algebra
            | rewrite <- sin_shift; f_equal; algebra | rewrite <- cos_shift; f_equal; algebra ]
  end.

(* exp a and exp b are one where a = b, however the two are written; likewise ln, sqrt, sin, cos. *)
Ltac agree_on f :=
  repeat match goal with
  | |- context [f ?a] =>
      match goal with
      | |- context [f ?b] =>
          tryif constr_eq a b then fail
          else replace (f a) with (f b) by (f_equal; algebra)
      end
  end.
Ltac agree := agree_on exp; agree_on ln; agree_on sqrt; agree_on sin; agree_on cos.

(* A derivative: Coquelicot computes one, and it is the one that was written. *)

Ltac known :=
  repeat match goal with
  | H : is_derive ?f ?x ?l |- context [Derive (fun y => ?f y) ?x] =>
      replace (Derive (fun y => f y) x) with l by (symmetry; apply is_derive_unique, H)
  end.
Ltac exists_here :=
  first [ assumption | exact I | eexists; eassumption | pos | nonzero ].
Ltac derivative :=
  unfold Rpower; auto_derive; [ repeat split; exists_here | known; first [ algebra | agree; algebra ] ].

(* min, max and |a|: one case for each side of the comparison. *)
Ltac cases :=
  unfold Rmin, Rmax, Rabs;
  repeat match goal with
  | |- context [Rle_dec ?a ?b] =>
      lazymatch a with context [Rle_dec _ _] => fail | _ => idtac end;
      lazymatch b with context [Rle_dec _ _] => fail | _ => idtac end;
      lazymatch a with context [Rcase_abs _] => fail | _ => idtac end;
      lazymatch b with context [Rcase_abs _] => fail | _ => idtac end;
      destruct (Rle_dec a b) as [? | ?%Rnot_le_lt]
  | |- context [Rcase_abs ?a] =>
      lazymatch a with context [Rle_dec _ _] => fail | _ => idtac end;
      lazymatch a with context [Rcase_abs _] => fail | _ => idtac end;
      destruct (Rcase_abs a)
  end.

Definition posreal_one : posreal := mkposreal 1 Rlt_0_1.
