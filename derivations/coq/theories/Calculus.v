(* Derivatives where a minimum or a maximum stands, one-sided derivatives and limits, and quotients
   that both vanish where the limit is taken. *)
From Coq Require Import Reals Lra Psatz Field.
From Coquelicot Require Import Coquelicot.
From Refimpl Require Import Meanings Lines.
Open Scope R_scope.

(* ---------------------------------------------------------------- Where a comparison is strict *)

(* What is positive at a point and continuous stays positive nearby. *)
Lemma near (g : R -> R) (x : R) : ex_derive g x -> 0 < g x -> locally x (fun y => 0 < g y).
Proof.
  intros D P. apply (ex_derive_continuous g x D (fun z => 0 < z)).
  apply (open_gt 0 (g x) P).
Qed.

(* f is g nearby, so they have one derivative. *)
Lemma derive_near (f g : R -> R) (x l : R) :
  locally x (fun y => f y = g y) -> is_derive g x l -> is_derive f x l.
Proof.
  intros E D. apply (is_derive_ext_loc g); [| exact D].
  apply (filter_imp (fun y => f y = g y)); [auto | exact E].
Qed.

(* ---------------------------------------------------------------- From the right *)

Lemma quotient_tends (f : R -> R) (a l : R) :
  is_derive f a l -> is_lim (fun x => (f x - f a) / (x - a)) a l.
Proof.
  intro D. apply is_derive_Reals in D. apply is_lim_spec. intro eps.
  destruct (D eps (cond_pos eps)) as [delta H]. exists delta. intros x near other.
  replace x with (a + (x - a)) at 1 by ring. apply H; [lra | exact near].
Qed.

Lemma right_of_limit (f : R -> R) (a l : R) :
  is_lim f a l -> filterlim f (at_right a) (locally l).
Proof.
  intros H P Q. destruct (H P Q) as [delta E]. exists delta. intros y near right.
  apply E; [exact near | lra].
Qed.

Lemma right_agrees (f g : R -> R) (x l : R) :
  (forall y, x <= y -> f y = g y) -> is_derive g x l -> right_derivative f x l.
Proof.
  intros E D. apply (filterlim_ext_loc (fun h => (g (x + h) - g x) / h)).
  - exists posreal_one. intros h _ right. rewrite <- !E by lra. reflexivity.
  - apply is_derive_Reals in D. apply filterlim_locally. intro eps.
    destruct (D eps (cond_pos eps)) as [delta H]. exists delta. intros h near right.
    apply (H h); [apply Rgt_not_eq; exact right |].
    replace h with (h - 0) by apply Rminus_0_r. exact near.
Qed.

Lemma right_ext (f g : R -> R) (a l : R) :
  (forall y, a < y -> f y = g y) ->
  filterlim f (at_right a) (locally l) -> filterlim g (at_right a) (locally l).
Proof.
  intros E H. apply (filterlim_ext_loc f); [| exact H].
  exists posreal_one. intros y _ right. apply E, right.
Qed.

(* ---------------------------------------------------------------- Limits *)

(* Both vanish there: the quotient tends to that of the derivatives. *)
Lemma limit_of_quotient (f g : R -> R) (a l m : R) :
  f a = 0 -> g a = 0 -> is_derive f a l -> is_derive g a m -> m <> 0 ->
  is_lim (fun x => f x / g x) a (l / m).
Proof.
  intros F G Df Dg M. apply quotient_tends in Df. apply quotient_tends in Dg.
  apply (is_lim_ext_loc (fun x => ((f x - f a) / (x - a)) / ((g x - g a) / (x - a)))).
  - exists posreal_one. intros x _ other. rewrite F, G, !Rminus_0_r. unfold Rdiv.
    rewrite Rinv_mult, Rinv_inv.
    replace (f x * / (x - a) * (/ g x * (x - a))) with (f x * / g x * ((x - a) * / (x - a))) by ring.
    rewrite Rinv_r by lra. ring.
  - apply (is_lim_div _ _ a l m); [exact Df | exact Dg | | exact I].
    intro E. apply M. injection E. auto.
Qed.

(* exp(-c/s) with c > 0 tends to 0 as s > 0 does: it is at most s / c. *)
Lemma at_most (c s : R) : 0 < c -> 0 < s -> exp (- (c / s)) <= s / c.
Proof.
  intros C S. rewrite exp_Ropp. assert (Q : 0 < c / s) by (apply Rdiv_lt_0_compat; assumption).
  replace (s / c) with (/ (c / s)) by (field; lra).
  apply Rinv_le_contravar; [exact Q |]. generalize (exp_ineq1 (c / s) (Rgt_not_eq _ _ Q)). lra.
Qed.

Lemma vanishes_from_the_right (k c : R) :
  0 < c -> filterlim (fun s => k * exp (- (c / s))) (at_right 0) (locally 0).
Proof.
  intro C. apply filterlim_locally. intro eps. assert (K := Rabs_pos k).
  assert (P : 0 < eps * c / (Rabs k + 1)).
  { apply Rdiv_lt_0_compat; [apply Rmult_lt_0_compat; [apply cond_pos | exact C] | lra]. }
  exists (mkposreal _ P). intros s' near right. pose (s := s' : R). fold s in near, right |- *.
  clearbody s. clear s'.
  assert (N : s < eps * c / (Rabs k + 1)).
  { apply Rabs_def2 in near. destruct near as [near _]. unfold minus, Hierarchy.plus, opp in near.
    simpl in near. lra. }
  change (Rabs (k * exp (- (c / s)) - 0) < eps).
  rewrite Rminus_0_r, Rabs_mult, (Rabs_right (exp _)) by (apply Rle_ge, Rlt_le, exp_pos).
  apply (Rle_lt_trans _ ((Rabs k + 1) * (s / c))).
  - apply Rmult_le_compat; [exact K | apply Rlt_le, exp_pos | lra | apply at_most; assumption].
  - apply (Rmult_lt_reg_r (c / (Rabs k + 1))); [apply Rdiv_lt_0_compat; lra |].
    replace ((Rabs k + 1) * (s / c) * (c / (Rabs k + 1))) with s by (field; lra).
    replace (eps * (c / (Rabs k + 1))) with (eps * c / (Rabs k + 1)) by (field; lra). exact N.
Qed.

(* ---------------------------------------------------------------- The Gaussian integral *)

Lemma times_the_bell (f : R -> R) (c l : R) : gaussian_integral ->
  (forall z, f z = c * exp (- z ^ 2 / 2)) -> c * sqrt (2 * PI) = l -> over_the_line f l.
Proof.
  unfold gaussian_integral, over_the_line. intros G E H.
  pose proof (@is_RInt_gen_scal R_NormedModule _ _ _ _ _ c _ G) as S.
  replace l with (scal c (sqrt (2 * PI)) : R) by exact H.
  refine (@is_RInt_gen_ext R_NormedModule _ _ _ _ _ f _ _ S).
  apply filter_forall. intros p z _. symmetry. apply E.
Qed.

(* ---------------------------------------------------------------- Integrals *)

Lemma integral_by (F f : R -> R) (a b l : R) :
  (forall x, Rmin a b <= x <= Rmax a b -> is_derive F x (f x)) ->
  (forall x, Rmin a b <= x <= Rmax a b -> continuous f x) ->
  F b - F a = l -> is_RInt f a b l.
Proof. intros D C E. rewrite <- E. apply (is_RInt_derive F f); assumption. Qed.

(* x^n with n > 0 tends to 0 as x > 0 does. *)
Lemma power_vanishes (k n : R) :
  0 < n -> filterlim (fun x => k * Rpower x n) (at_right 0) (locally 0).
Proof.
  intro N. apply filterlim_locally. intro eps. assert (K := Rabs_pos k).
  assert (E : 0 < eps / (Rabs k + 1)) by (apply Rdiv_lt_0_compat; [apply cond_pos | lra]).
  assert (P : 0 < Rpower (eps / (Rabs k + 1)) (/ n)) by (unfold Rpower; apply exp_pos).
  exists (mkposreal _ P). intros x' near right. pose (x := x' : R). fold x in near, right |- *.
  clearbody x. clear x'.
  assert (B : x < Rpower (eps / (Rabs k + 1)) (/ n)).
  { apply Rabs_def2 in near. destruct near as [near _]. unfold minus, Hierarchy.plus, opp in near.
    simpl in near. lra. }
  assert (Q : Rpower x n < eps / (Rabs k + 1)).
  { replace (eps / (Rabs k + 1)) with (Rpower (Rpower (eps / (Rabs k + 1)) (/ n)) n).
    - apply Rlt_Rpower_l; [exact N | split; assumption].
    - rewrite Rpower_mult, Rinv_l by lra. apply Rpower_1, E. }
  assert (Z : 0 < Rpower x n) by (unfold Rpower; apply exp_pos).
  change (Rabs (k * Rpower x n - 0) < eps).
  rewrite Rminus_0_r, Rabs_mult, (Rabs_right (Rpower x n)) by lra.
  apply (Rle_lt_trans _ ((Rabs k + 1) * Rpower x n)); [nra |].
  apply (Rmult_lt_reg_l (/ (Rabs k + 1))); [apply Rinv_0_lt_compat; lra |].
  replace (/ (Rabs k + 1) * ((Rabs k + 1) * Rpower x n)) with (Rpower x n) by (field; lra).
  replace (/ (Rabs k + 1) * eps) with (eps / (Rabs k + 1)) by (field; lra). exact Q.
Qed.

(* The integral over (0, t) of what may grow without bound at 0: the limit of those from a > 0. *)
Lemma from_zero (f F : R -> R) (t l : R) : 0 < t ->
  (forall x, 0 < x -> is_derive F x (f x)) -> (forall x, 0 < x -> continuous f x) ->
  filterlim F (at_right 0) (locally 0) -> F t = l ->
  is_RInt_gen f (at_right 0) (at_point t) l.
Proof.
  intros T D C V E P [eps H].
  apply (Filter_prod _ _ _ (fun a => 0 < a /\ ball 0 eps (F a)) (fun b => b = t)).
  - apply filter_and; [exists posreal_one; intros a _ right; exact right |].
    apply (V (fun y => ball 0 eps y)). apply locally_ball.
  - reflexivity.
  - intros a b [A B] ->. exists (F t - F a). split.
    + apply (is_RInt_derive F f); intros x [low _]; simpl in low.
      * apply D. apply (Rlt_le_trans _ (Rmin a t)); [apply Rmin_glb_lt; assumption | exact low].
      * apply C. apply (Rlt_le_trans _ (Rmin a t)); [apply Rmin_glb_lt; assumption | exact low].
    + apply H. change (Rabs (F t - F a - l) < eps). change (Rabs (F a - 0) < eps) in B.
      replace (F t - F a - l) with (- (F a - 0)) by lra. rewrite Rabs_Ropp. exact B.
Qed.

(* ---------------------------------------------------------------- Where several arguments move *)

(* The chain rule: v is differentiable at the point, and a, b, c are its partial derivatives. *)
Lemma along_two (v : R -> R -> R) (f g : R -> R) (s a b p q l : R) :
  filterdiff (fun z : R * R => v (fst z) (snd z)) (locally (f s, g s))
    (fun d : R * R => a * fst d + b * snd d) ->
  is_derive f s p -> is_derive g s q -> a * p + b * q = l ->
  is_derive (fun h => v (f h) (g h)) s l.
Proof.
  intros V F G <-.
  assert (H := filterdiff_comp'_2 f g v s _ _ (fun x y => a * x + b * y) F G V).
  refine (filterdiff_ext_lin _ _ _ H _).
  intro y. simpl. unfold scal. simpl. unfold mult. simpl. ring.
Qed.

Lemma along_three (v : R -> R -> R -> R) (f g k : R -> R) (s a b c p q r l : R) :
  filterdiff (fun z : R * R * R => v (fst (fst z)) (snd (fst z)) (snd z)) (locally (f s, g s, k s))
    (fun d : R * R * R => a * fst (fst d) + b * snd (fst d) + c * snd d) ->
  is_derive f s p -> is_derive g s q -> is_derive k s r -> a * p + b * q + c * r = l ->
  is_derive (fun h => v (f h) (g h) (k h)) s l.
Proof.
  intros V F G K <-.
  assert (P : filterdiff (fun h => (f h, g h)) (locally s) (fun y : R => (scal y p, scal y q))).
  { apply (filterdiff_comp'_2 f g (fun x y => (x, y)) s _ _ (fun x y => (x, y)) F G).
    apply (filterdiff_ext (fun z => z)); [intros [x y]; reflexivity |].
    apply (filterdiff_ext_lin _ (fun z => z)); [apply filterdiff_id | intros [x y]; reflexivity]. }
  assert (H := filterdiff_comp'_2 (fun h => (f h, g h)) k (fun xy z => v (fst xy) (snd xy) z) s _ _
    (fun xy z => a * fst xy + b * snd xy + c * z) P K V).
  refine (filterdiff_ext_lin _ _ _ H _).
  intro y. simpl. unfold scal. simpl. unfold mult. simpl. ring.
Qed.
